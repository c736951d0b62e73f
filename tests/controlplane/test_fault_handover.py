"""A write that was on its way when its operator lost the Lease arrives late: its successor's work stays as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.controlplane.life import WRITES, Life
from tests.support.apiserver import ApiServer
from tests.support.chosen import chosen
from tests.support.eventually import eventually
from tests.support.faults import Late, Nth, a_write_in
from tests.support.faulty_proxy import faulty_proxy
from tests.support.operator_process import OperatorLaunch, running_operator
from tests.support.played_nodes import played_nodes

pytestmark = pytest.mark.controlplane

OWN: Final = 1
"""The Secret of the progress endpoint, in the same namespace."""
NUMBERS: Final = range(1 + OWN, WRITES.total() + OWN + 1)
MOMENTS: Final = ("while the successor works", "when all is over")


@pytest.mark.parametrize(
    ("moment", "number"),
    chosen("late writes", [(moment, number) for number in NUMBERS for moment in MOMENTS], 2),
)
async def test_a_write_that_arrives_after_the_lease_was_lost_changes_nothing(
    life: Life, api_server: ApiServer, tmp_path: Path, moment: str, number: int
) -> None:
    late, held = Late(), Nth(number, a_write_in(life.namespace))
    async with faulty_proxy(api_server, tmp_path) as proxy, played_nodes(life.world):
        proxy.when(held, late)
        launch = OperatorLaunch(tmp_path, environment={"KUBECONFIG": str(proxy.kubeconfig), "POD_NAME": "one"})
        with running_operator(api_server, life.namespace, launch) as first:
            await first.leads()
            await life.begin()
            await eventually(lambda: held.came)
            proxy.fail(503, path="/leases")
            await eventually(lambda: first.process.poll() is not None)
            assert first.said("leaving at once")
        with running_operator(api_server, life.namespace, OperatorLaunch(tmp_path)) as second:
            await second.leads()
            if moment == MOMENTS[0]:
                late.gate.set()
            await life.ends()
            late.gate.set()
            await asyncio.wait_for(late.arrived.wait(), 30)
            await life.is_as_undisturbed()
            assert not second.said("a defect")

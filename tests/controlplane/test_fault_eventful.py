"""An eventful life: the operator is killed at each of its writes, and each arrives late once; the end is the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from tests.controlplane import ahead
from tests.controlplane.eventful import WRITES, EventfulLife, judged, kind_of, must_come
from tests.controlplane.life import PATIENCE, Life
from tests.support.apiserver import ApiServer
from tests.support.chosen import chosen
from tests.support.eventually import eventually
from tests.support.faults import Late, Match, Nth, a_write, end
from tests.support.faulty_proxy import FaultyProxy, Written, faulty_proxy
from tests.support.kept_operator import kept_operator, through
from tests.support.operator_process import OperatorLaunch, running_operator

pytestmark = pytest.mark.controlplane

EACH: Final = [(kind, number) for kind, most in WRITES.items() for number in range(1, most + 1)]
OF_ITSELF: Final = [("secrets", 1), ("instancetypes/status", 1)]
"""Before a job's first write: the Secret of the progress endpoint, and the status of the InstanceType."""
DEATHS: Final = ("before", "after")
ARRIVALS: Final = ("while the successor works", "when all is gone")


@pytest.fixture
def eventful(life: Life) -> EventfulLife:
    return EventfulLife(life.world, life.namespace, life.hardware)


async def test_an_undisturbed_eventful_life_takes_the_writes_that_are_counted(
    eventful: EventfulLife, api_server: ApiServer, tmp_path: Path
) -> None:
    async with faulty_proxy(api_server, tmp_path) as proxy, judged(api_server, eventful) as judge:
        async with kept_operator(api_server, eventful.namespace, _ahead(tmp_path, proxy)) as operator:
            await eventful.begin()
            await eventful.is_over()
        assert judge.violations == []
        assert len(operator.lives) == 1
        assert operator.defects() == []
        await eventful.is_as_undisturbed()
        eventful.took_few_writes(proxy.written, more=0)
        took = eventful.writes_in(proxy.written)
        assert [(kind, number) for kind, number in EACH if must_come(kind, number) and took[kind] < number] == []


@pytest.mark.parametrize(
    ("moment", "kind", "number"),
    chosen("eventful kills", [(moment, *which) for which in (*OF_ITSELF, *EACH) for moment in DEATHS], 1),
)
async def test_killed_at_a_write_of_an_eventful_life_it_is_followed_by_one_that_goes_on(
    eventful: EventfulLife, api_server: ApiServer, tmp_path: Path, moment: str, kind: str, number: int
) -> None:
    fatal = Nth(number, _a_write_of(kind))
    async with faulty_proxy(api_server, tmp_path) as proxy, judged(api_server, eventful) as judge:
        async with kept_operator(api_server, eventful.namespace, _ahead(tmp_path, proxy)) as operator:
            proxy.when(fatal, end(operator.kill, delivered=moment == "after", match=fatal))
            await eventful.begin()
            await eventful.is_over()
            await eventually(lambda: len(operator.lives) == 1 + fatal.came)
            await operator.leads()
        assert judge.violations == []
        assert operator.defects() == []
        assert fatal.came or not must_come(kind, number)
        await eventful.is_as_undisturbed()
        eventful.took_few_writes(proxy.written)


@pytest.mark.parametrize(
    ("moment", "kind", "number"),
    chosen("eventful late writes", [(moment, *which) for which in EACH for moment in ARRIVALS], 1),
)
async def test_a_write_of_an_eventful_life_that_arrives_after_the_lease_was_lost_changes_nothing(
    eventful: EventfulLife, api_server: ApiServer, tmp_path: Path, moment: str, kind: str, number: int
) -> None:
    late, held = Late(), Nth(number, _a_write_of(kind, eventful.namespace))
    async with faulty_proxy(api_server, tmp_path) as proxy, judged(api_server, eventful) as judge:
        proxy.when(held, late)
        await _leads_until_it_writes(held, eventful, api_server, proxy)
        launch = OperatorLaunch(tmp_path, module=ahead.MODULE)
        with running_operator(api_server, eventful.namespace, launch) as second:
            await second.leads()
            if moment == ARRIVALS[0]:
                late.gate.set()
            await eventful.is_over()
            # A Job that is created when all is gone is one more of its attempt: it must go, and nothing may follow.
            assert judge.violations == []
            late.gate.set()
            if held.came or must_come(kind, number):
                await asyncio.wait_for(late.arrived.wait(), 30)
            await eventually(eventful.left_no_child)
            await eventful.is_as_undisturbed()
            assert not second.said("a defect")


async def _leads_until_it_writes(held: Nth, life: EventfulLife, server: ApiServer, proxy: FaultyProxy) -> None:
    """A first operator, which loses the Lease while that write is on its way, or when all is over without it."""
    environment = {"KUBECONFIG": str(proxy.kubeconfig), "POD_NAME": "one"}
    launch = OperatorLaunch(proxy.kubeconfig.parent, environment=environment, module=ahead.MODULE)
    with running_operator(server, life.namespace, launch) as first:
        await first.leads()
        await life.begin()
        await eventually(lambda: _came_or_never_will(held, life), PATIENCE)
        proxy.fail(503, path="/leases")
        await eventually(lambda: first.process.poll() is not None)
        assert first.said("leaving at once")


async def _came_or_never_will(held: Nth, life: EventfulLife) -> bool:
    return held.came or await life.has_ended()


def _a_write_of(kind: str, namespace: str = "") -> Match:
    """Whether the operator writes that, in that namespace if one is named."""

    def match(request: web.Request) -> bool:
        written = Written(request.method, request.path)
        return a_write(request) and kind_of(written) == kind and written.namespace.startswith(namespace)

    return match


def _ahead(folder: Path, proxy: FaultyProxy) -> OperatorLaunch:
    return replace(through(proxy, OperatorLaunch(folder)), module=ahead.MODULE)

"""Jobs, namespaces and rights that are taken away at the worst moment, and namesakes that come in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS, NAMESPACES, PODS
from tests.controlplane.life import NAME, WRITES, Life, lives
from tests.support.account import an_account
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.faults import Late, Nth, a_write_of
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.kept_operator import KeptOperator, kept_operator, through
from tests.support.operator_process import OperatorLaunch
from tests.support.played_nodes import played_nodes

pytestmark = pytest.mark.controlplane

COLLECTED_WITHIN: Final = 120.0
"""The garbage collector hears of new kinds within half a minute."""

Under = tuple[KeptOperator, FaultyProxy]


@pytest.fixture
async def under(life: Life, api_server: ApiServer, tmp_path: Path) -> AsyncIterator[Under]:
    """An operator that leads, and the proxy before it."""
    async with faulty_proxy(api_server, tmp_path) as proxy:
        launch = through(proxy, OperatorLaunch(tmp_path, {"resyncSeconds": 5}))
        async with kept_operator(api_server, life.namespace, launch) as operator:
            await operator.leads()
            yield operator, proxy
        assert operator.defects() == []


async def test_a_job_that_is_deleted_while_its_first_child_is_created_leaves_nothing(life: Life, under: Under) -> None:
    _, proxy = under
    late, held = Late(), Nth(1, a_write_of("POST", "jobs"))
    proxy.when(held, late)
    await life.begin()
    await eventually(lambda: held.came)
    await life.world.delete(FINETUNEJOBS, life.namespace, NAME)
    late.gate.set()
    await eventually(late.arrived.is_set)
    assert [each for each in proxy.written if each.plural == "jobs"], proxy.seen
    await eventually(partial(_has_nothing, life), COLLECTED_WITHIN)


async def test_a_job_that_is_deleted_while_the_operator_is_down_leaves_nothing_and_starts_nothing(
    life: Life, under: Under
) -> None:
    operator, proxy = under
    await life.begin()
    await eventually(lambda: life.reaches("Validating"))
    proxy.fail(503, path="/")
    proxy.cut_watches()
    operator.kill()
    await life.world.delete(FINETUNEJOBS, life.namespace, NAME)
    before = len(proxy.written)
    proxy.mend()
    await eventually(lambda: len(operator.lives) == 2)
    await operator.leads()
    await eventually(partial(_has_nothing, life), COLLECTED_WITHIN)
    assert [each for each in proxy.written[before:] if each.plural in WRITES] == []


@pytest.mark.parametrize("meanwhile", ["the operator watches", "the operator is down"])
async def test_a_namesake_of_a_deleted_job_has_a_life_of_its_own(life: Life, under: Under, meanwhile: str) -> None:
    operator, proxy = under
    await life.begin()
    await eventually(lambda: life.reaches("Validating"))
    if meanwhile == "the operator is down":
        proxy.fail(503, path="/")
        proxy.cut_watches()
        operator.kill()
    before = len(proxy.written)
    await life.world.delete(FINETUNEJOBS, life.namespace, NAME)
    await life.begin()
    proxy.mend()
    async with played_nodes(life.world):
        await life.ends()
    # What belonged to the first one goes with it, when the garbage collector comes by: after it has learnt of new kinds.
    await eventually(partial(_holds, life.is_as_undisturbed), COLLECTED_WITHIN)
    life.took_few_writes(proxy.written[before:])


async def test_a_namespace_that_goes_away_takes_its_jobs_with_it_and_disturbs_no_other(
    life: Life, under: Under
) -> None:
    operator, proxy = under
    async with lives(life.world, life.hardware, 1) as (doomed,):
        late, held = Late(), Nth(1, a_write_of("POST", "jobs"))
        proxy.when(held, late)
        await doomed.begin()
        await eventually(lambda: held.came)
    await eventually(partial(_is_going, life, doomed.namespace))
    late.gate.set()
    await life.begin()
    async with played_nodes(life.world):
        await life.ends()
    await life.is_as_undisturbed()
    await eventually(partial(_is_gone, life, doomed.namespace), 60)
    assert len(operator.lives) == 1
    assert [each for each in proxy.written if each.namespace == doomed.namespace and each.plural == "jobs"] == []


async def test_rights_that_are_taken_away_and_given_back_cost_time_only(
    life: Life, api_server: ApiServer, tmp_path: Path
) -> None:
    account = await an_account(life.world, life.namespace, api_server, tmp_path)
    launch = OperatorLaunch(tmp_path, environment={"KUBECONFIG": str(account.kubeconfig), "POD_NAME": "one"})
    async with account.permitted(), kept_operator(api_server, life.namespace, launch) as operator:
        await operator.leads()
        await life.begin()
        await eventually(lambda: life.reaches("Validating"))
        await account.forbid()
        async with played_nodes(life.world):
            await eventually(lambda: any(each.said("cannot renew the Lease") for each in operator.lives))
            await eventually(lambda: operator.lives[-1].said("cannot look at the Lease"), 60)
            await account.permit()
            await life.ends()
        await life.is_as_undisturbed()
        assert operator.defects() == []


async def _has_nothing(life: Life) -> bool:
    for resource in (FINETUNEJOBS, JOBS, PODS):
        left = [body["metadata"]["name"] for body in await life.world.list(resource, life.namespace)]
        assert not left, f"{resource.plural} that are left: {left}"
    return True


async def _is_going(life: Life, namespace: str) -> bool:
    found = await life.world.list(NAMESPACES, fields=f"metadata.name={namespace}")
    return all(each["status"]["phase"] == "Terminating" for each in found)


async def _is_gone(life: Life, namespace: str) -> bool:
    return not await life.world.list(NAMESPACES, fields=f"metadata.name={namespace}")


async def _holds(claim: Callable[[], Awaitable[None]]) -> bool:
    await claim()
    return True

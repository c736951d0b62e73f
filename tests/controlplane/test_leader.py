"""The Lease: one holder at a time, given back at once, never outlived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finetune_operator.cluster.client import Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import LEASES, Key
from finetune_operator.reconciler.leader import Candidate, Leader, LeaseLost
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy

pytestmark = pytest.mark.controlplane

SECONDS = 2


def candidate(cluster: Cluster, namespace: str, identity: str) -> Leader:
    wanted = Candidate(Key(namespace, "the-lease"), identity, SECONDS, renew_seconds=0.3)
    return Leader(cluster, wanted, time.monotonic, lambda: datetime.now(UTC))


async def holder(cluster: Cluster, namespace: str) -> str:
    lease = await cluster.get(LEASES, namespace, "the-lease")
    return str(lease["spec"].get("holderIdentity"))


@pytest.fixture
async def proxy(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[FaultyProxy]:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        yield proxy


async def test_the_first_one_gets_it_at_once_and_says_who_it_is(cluster: Cluster, namespace: str) -> None:
    await asyncio.wait_for(candidate(cluster, namespace, "one").acquire(), 5)

    lease = await cluster.get(LEASES, namespace, "the-lease")
    assert lease["spec"]["holderIdentity"] == "one"
    assert lease["spec"]["leaseDurationSeconds"] == SECONDS
    assert lease["spec"]["leaseTransitions"] == 0


async def test_of_many_at_the_same_moment_one_gets_it(cluster: Cluster, namespace: str) -> None:
    leaders = [candidate(cluster, namespace, str(number)) for number in range(8)]
    racing = [asyncio.ensure_future(leader.acquire()) for leader in leaders]
    done, waiting = await asyncio.wait(racing, timeout=SECONDS * 0.7)
    for task in waiting:
        task.cancel()

    assert len(done) == 1


async def test_while_it_is_renewed_nobody_else_gets_it(cluster: Cluster, namespace: str) -> None:
    first, second = (candidate(cluster, namespace, name) for name in ("one", "two"))
    await first.acquire()
    holding = asyncio.ensure_future(first.hold())
    waiting = asyncio.ensure_future(second.acquire())

    done, _ = await asyncio.wait([waiting, holding], timeout=SECONDS * 2)

    assert not done
    assert await holder(cluster, namespace) == "one"
    waiting.cancel()
    holding.cancel()


async def test_given_back_it_is_the_successors_at_once(cluster: Cluster, namespace: str) -> None:
    first, second = (candidate(cluster, namespace, name) for name in ("one", "two"))
    await first.acquire()
    waiting = asyncio.ensure_future(second.acquire())
    await eventually(lambda: holder(cluster, namespace))

    start = time.monotonic()
    await first.release()
    await asyncio.wait_for(waiting, 5)

    assert time.monotonic() - start < SECONDS / 2
    assert await holder(cluster, namespace) == "two"


async def test_it_is_given_back_though_a_renewal_that_was_cut_off_was_written(cluster: Cluster, namespace: str) -> None:
    leader = candidate(cluster, namespace, "one")
    await leader.acquire()
    unnoticed = candidate(cluster, namespace, "one")
    await unnoticed.acquire()  # as a renewal whose answer never came: ours, and newer than the leader knows
    await leader.release()
    assert await holder(cluster, namespace) == ""


async def test_of_one_that_died_it_is_the_successors_when_it_has_run_out(cluster: Cluster, namespace: str) -> None:
    first, second = (candidate(cluster, namespace, name) for name in ("one", "two"))
    await first.acquire()

    start = time.monotonic()
    await asyncio.wait_for(second.acquire(), 10)

    assert time.monotonic() - start > SECONDS * 0.9
    lease = await cluster.get(LEASES, namespace, "the-lease")
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("two", 1)


async def test_a_restart_of_the_same_pod_does_not_wait_for_itself(cluster: Cluster, namespace: str) -> None:
    await candidate(cluster, namespace, "one").acquire()

    start = time.monotonic()
    await asyncio.wait_for(candidate(cluster, namespace, "one").acquire(), 5)

    assert time.monotonic() - start < SECONDS / 2


async def test_whoever_finds_it_taken_by_another_knows_that_it_is_lost(cluster: Cluster, namespace: str) -> None:
    first = candidate(cluster, namespace, "one")
    await first.acquire()
    holding = asyncio.ensure_future(first.hold())
    await cluster.patch(LEASES, namespace, "the-lease", {"spec": {"holderIdentity": "two"}})

    with pytest.raises(LeaseLost, match="two"):
        await asyncio.wait_for(holding, SECONDS)


async def test_somebody_elses_harmless_change_is_no_loss(cluster: Cluster, namespace: str) -> None:
    first = candidate(cluster, namespace, "one")
    await first.acquire()
    holding = asyncio.ensure_future(first.hold())
    for number in range(3):
        await cluster.patch(LEASES, namespace, "the-lease", {"metadata": {"labels": {"n": str(number)}}})
        await asyncio.wait([holding], timeout=0.4)

    assert not holding.done()
    holding.cancel()


@pytest.mark.parametrize("fault", ["refused", "hung"])
async def test_who_cannot_renew_gives_up_before_another_may_take_over(
    proxy: FaultyProxy, namespace: str, fault: str
) -> None:
    async with Cluster(Connection(str(proxy.kubeconfig)), Limits(timeout=60)) as cluster:
        first = candidate(cluster, namespace, "one")
        await first.acquire()
        start = time.monotonic()
        if fault == "refused":
            proxy.fail(500, path="/leases")
        else:
            proxy.hang(path="/leases")

        with pytest.raises(LeaseLost):
            await asyncio.wait_for(first.hold(), 10)

        assert time.monotonic() - start < SECONDS


async def test_a_short_trouble_is_outlasted(proxy: FaultyProxy, namespace: str) -> None:
    async with Cluster(Connection(str(proxy.kubeconfig))) as cluster:
        first = candidate(cluster, namespace, "one")
        await first.acquire()
        holding = asyncio.ensure_future(first.hold())
        proxy.fail(503, path="/leases", times=3)
        done, _ = await asyncio.wait([holding], timeout=SECONDS * 1.5)

        assert not done
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding

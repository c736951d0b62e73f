"""The operator's clock is set by an hour, at any moment of a life: jobs end the same, and the Lease stays where it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import LEASES, Key
from finetune_operator.reconciler.leader import Candidate, Leader
from tests.controlplane.life import Life
from tests.controlplane.stage import Stage
from tests.support.chosen import chosen
from tests.support.played_nodes import success

pytestmark = pytest.mark.controlplane

HOURS: Final = (1, -1)
VISITS: Final = range(5)
SECONDS: Final = 2


@pytest.mark.parametrize(
    ("hours", "visit"), chosen("clock", [(hours, visit) for hours in HOURS for visit in VISITS], 3)
)
async def test_the_clock_is_set_before_a_visit_and_the_job_ends_the_same(stage: Stage, hours: int, visit: int) -> None:
    steps = (
        stage.apply,
        _runs(stage, "prepare"),
        _ends(stage, "prepare"),
        _runs(stage, "train"),
        _ends(stage, "train"),
    )
    for number, step in enumerate(steps):
        await step()
        if number == visit:
            stage.operator.skew = timedelta(hours=hours)
        await stage.visit(2)
    await Life(stage.world, stage.namespace, stage.hardware).is_as_undisturbed()


async def test_a_retry_is_not_put_off_by_a_clock_that_was_set_back(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.visit()
    await stage.end("train", code=1, message="boom")
    stage.operator.skew = timedelta(hours=1)
    await stage.visit()
    stage.operator.skew = timedelta(minutes=6)
    await stage.visit(2)
    assert await stage.jobs() == ["prepare-1", "train-1", "train-2"]


async def test_a_retry_is_not_put_off_by_a_clock_that_is_behind_the_clusters(stage: Stage) -> None:
    stage.operator.skew = timedelta(hours=-1)
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.visit()
    await stage.end("train", code=1, message="boom")
    await stage.visit()
    stage.operator.skew += timedelta(seconds=11)
    await stage.visit(2)
    assert await stage.jobs() == ["prepare-1", "train-1", "train-2"]


@pytest.mark.parametrize("hours", HOURS)
async def test_a_holder_whose_clock_is_set_keeps_the_lease_and_nobody_else_gets_it(
    cluster: Cluster, namespace: str, hours: int
) -> None:
    skew = timedelta()

    def candidate(identity: str) -> Leader:
        wanted = Candidate(Key(namespace, "the-lease"), identity, SECONDS, renew_seconds=0.3)
        return Leader(cluster, wanted, time.monotonic, lambda: datetime.now(UTC) + skew)

    first, second = candidate("one"), candidate("two")
    await first.acquire()
    holding = asyncio.ensure_future(first.hold())
    waiting = asyncio.ensure_future(second.acquire())
    skew = timedelta(hours=hours)
    done, _ = await asyncio.wait([holding, waiting], timeout=SECONDS * 2)
    assert not done
    lease = await cluster.get(LEASES, namespace, "the-lease")
    assert lease["spec"]["holderIdentity"] == "one"
    for task in (holding, waiting):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _runs(stage: Stage, name: str) -> Callable[[], Awaitable[object]]:
    return lambda: stage.run(name)


def _ends(stage: Stage, name: str) -> Callable[[], Awaitable[object]]:
    return lambda: stage.end(name, message=success(name, 1).message)

"""A pod deleted by hand: the real Job controller lets it go before its Job is over, and its verdict is not lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import Attempt, FineTuneJobStatus
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import PODS
from finetune_operator.reconciler.kopf_source import KopfSource
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.source import Intake
from tests.controlplane.stage import Stage, an_operator, verdict
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

SAVED = verdict(
    "retry", code="Terminated", step=434, totalSteps=900, trainingSeconds=69.5, message="asked to end; saved"
)


@pytest.fixture
async def watched(stage: Stage) -> AsyncIterator[Stage]:
    """A stage whose operator sees the cluster through the real watch alone, from the training on."""
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    intake = Intake(stage.operator.store, WorkQueue(time.monotonic, random.random))
    source = KopfSource(Connection(str(stage.server.kubeconfig)).credentials)
    running = asyncio.ensure_future(source.run(intake))
    await eventually(lambda: _runs(stage))
    yield stage
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def _runs(stage: Stage) -> bool:
    """Whether the watch has brought the pod of the training as running."""
    pods = [pod for pod in stage.operator.store.entries(PODS) if pod["metadata"]["namespace"] == stage.namespace]
    return any(pod["status"].get("phase") == "Running" for pod in pods)


async def delete(stage: Stage, pod: Json) -> None:
    """As ``kubectl delete pod`` does."""
    await stage.world.delete(PODS, stage.namespace, pod["metadata"]["name"])


async def told(stage: Stage) -> FineTuneJobStatus:
    """What the status says once the operator, by its watch alone, knows how the training ended."""

    async def visited() -> FineTuneJobStatus:
        await stage.operator.visit(stage.namespace, watch=False)
        seen = await stage.status()
        assert _training(seen).end_time is not None
        return seen

    return await eventually(visited)


def _training(status: FineTuneJobStatus) -> Attempt:
    return next(attempt for attempt in status.attempts if (attempt.stage, attempt.number) == ("train", 1))


async def test_what_it_saved_and_used_is_counted_and_said(watched: Stage) -> None:
    pod = await watched.pod("train")
    await delete(watched, pod)
    await watched.end("train", code=75, message=SAVED)
    await eventually(lambda: _gone(watched, pod))

    seen = await told(watched)

    ended = _training(seen)
    assert (ended.outcome, ended.reason, ended.checkpoint_step) == ("Platform", Reason.JOB_VANISHED, 434)
    assert ended.message == "the pod was deleted: asked to end; saved"
    assert seen.usage is not None
    assert seen.usage.training_seconds == 69.5
    await eventually(lambda: _jobs(watched, ["prepare-1", "train-1", "train-2"]))


async def test_what_no_retry_mends_is_not_tried_again(watched: Stage) -> None:
    pod = await watched.pod("train")
    await delete(watched, pod)
    await watched.end(
        "train", code=64, message=verdict("userError", code="DatasetRowInvalid", message="line 3: no JSON")
    )
    await eventually(lambda: _gone(watched, pod))

    seen = await told(watched)

    assert (seen.phase, seen.reason, seen.message) == (Phase.FAILED, Reason.USER_ERROR, "line 3: no JSON")
    assert seen.failure is not None
    assert seen.failure.code == "DatasetRowInvalid"
    assert await watched.jobs() == ["prepare-1", "train-1"]


async def test_a_listing_that_no_longer_has_the_pod_takes_no_verdict_away(stage: Stage) -> None:
    """The watch has brought the pod's end and not yet its deletion when the operator lists to be sure."""
    await stage.apply()
    await stage.prepare()
    pod = await stage.run("train")
    await stage.hold(pod)
    await delete(stage, pod)
    await stage.end("train", code=75, message=SAVED)
    await stage.operator.watch(stage.namespace)
    await stage.let_go(pod)
    await stage.operator.visit(stage.namespace, watch=False)

    ended = _training(await stage.status())

    assert (ended.outcome, ended.checkpoint_step) == ("Platform", 434)
    assert ended.message == "the pod was deleted: asked to end; saved"


async def test_an_end_that_nobody_saw_is_told_as_such_after_a_moment(stage: Stage) -> None:
    """An operator that starts too late: the Job is over, its pod is gone, and nothing tells how it ended."""
    await stage.apply()
    await stage.prepare()
    pod = await stage.run("train")
    await delete(stage, pod)
    await stage.end("train", code=75, message=SAVED)
    await eventually(lambda: _gone(stage, pod))
    async with an_operator(stage.server) as fresh:
        await fresh.visit(stage.namespace)
        assert _training(await stage.status()).end_time is None
        fresh.skew = timedelta(seconds=30)
        await fresh.visit(stage.namespace)

    ended = _training(await stage.status())

    assert (ended.outcome, ended.reason) == ("Platform", Reason.JOB_VANISHED)
    assert "was deleted before its verdict was read" in (ended.message or "")


async def _gone(stage: Stage, pod: Json) -> bool:
    return not await stage.world.list(PODS, stage.namespace, fields=f"metadata.name={pod['metadata']['name']}")


async def _jobs(stage: Stage, wanted: list[str]) -> bool:
    await stage.operator.visit(stage.namespace, watch=False)
    return await stage.jobs() == wanted

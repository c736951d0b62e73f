"""What a job's owner asks for while it lives, on a real API server with a real Job controller and garbage collector."""

from __future__ import annotations

from datetime import timedelta

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import Attempt, FineTuneJobStatus
from finetune_operator.cluster.resources import CLAIMS, FINETUNEJOBS, JOBS, PODS
from finetune_operator.planning.staging import Staging
from tests.controlplane.stage import NAME, Stage, verdict
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

SAVED = verdict("retry", code="Terminated", step=7, trainingSeconds=5.0)
ARTIFACT = {"path": "model", "kind": "adapter", "files": ["a"], "bytes": 7, "digest": f"sha256:{'0' * 64}"}
FINISHED = verdict(step=18, totalSteps=18, trainingSeconds=12.5, artifact=ARTIFACT)


async def training(stage: Stage, **spec: object) -> Json:
    """A job that trains; its pod."""
    await stage.apply(**spec)
    await stage.prepare()
    pod = await stage.run("train")
    await stage.visit()
    return pod


async def ask(stage: Stage, **spec: object) -> FineTuneJobStatus:
    """Change the spec, and let the operator look once."""
    await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, {"spec": spec})
    return await stage.visit()


async def save_and_go(stage: Stage, pod: Json, word: str = SAVED) -> None:
    """The trainer saves, exits as it was told to, and its pod goes."""
    state = {"terminated": {"exitCode": 75, "reason": "Error", "message": word}}
    container = {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    await stage.say("train", {"phase": "Failed", "containerStatuses": [container]})
    await stage.operator.watch(stage.namespace)
    await stage.let_go(pod)
    await eventually(lambda: gone(stage, "train-1"))


async def gone(stage: Stage, name: str) -> bool:
    return name not in await stage.jobs()


def attempts(status: FineTuneJobStatus, name: str) -> list[Attempt]:
    return [attempt for attempt in status.attempts if attempt.stage == name]


async def suspended(stage: Stage) -> FineTuneJobStatus:
    """A job that was suspended while it trained, at step 7."""
    pod = await training(stage)
    await stage.hold(pod)
    await ask(stage, suspend=True)
    await stage.visit()
    await save_and_go(stage, pod)
    return await stage.visit()


async def test_suspend_is_told_before_it_is_done_and_confirmed_before_it_is_said(stage: Stage) -> None:
    pod = await training(stage)
    await stage.hold(pod)
    told = await ask(stage, suspend=True)
    assert (told.phase, told.reason) == (Phase.SUSPENDING, Reason.SUSPENDED)
    assert attempts(told, "train")[0].ends_for == Reason.SUSPENDED
    assert "deletionTimestamp" not in (await stage.children())["train-1"]["metadata"]

    acted = await stage.visit()
    assert "deletionTimestamp" in (await stage.children())["train-1"]["metadata"]
    assert acted.phase == Phase.SUSPENDING
    assert (await stage.visit(3)).phase == Phase.SUSPENDING

    await save_and_go(stage, pod)
    held = await stage.visit()
    assert (held.phase, held.reason) == (Phase.SUSPENDED, Reason.SUSPENDED)
    ended = attempts(held, "train")[0]
    assert (ended.outcome, ended.reason, ended.checkpoint_step) == ("Requested", Reason.SUSPENDED, 7)
    assert held.usage is not None
    assert held.usage.training_seconds == 5.0
    assert held.retries == 0


async def test_a_suspended_job_goes_on_with_the_next_attempt(stage: Stage) -> None:
    await suspended(stage)
    assert await stage.jobs() == ["prepare-1"]
    again = await ask(stage, suspend=False)
    assert await stage.jobs() == ["prepare-1", "train-2"]
    assert again.phase == Phase.QUEUED
    await stage.run("train", 2)
    await stage.end("train", 2, message=FINISHED)
    assert (await stage.visit()).phase == Phase.SUCCEEDED


async def test_a_suspended_job_may_be_cancelled_and_then_stays_so(stage: Stage) -> None:
    await suspended(stage)
    status = await ask(stage, cancel=True)
    assert (status.phase, status.reason) == (Phase.CANCELLED, Reason.CANCELLED)
    assert (await stage.visit(3)).phase == Phase.CANCELLED
    assert await stage.jobs() == ["prepare-1"]


async def test_a_suspended_job_that_is_stopped_publishes_its_newest_checkpoint(stage: Stage) -> None:
    await suspended(stage)
    await ask(stage, stop=True, suspend=False)
    job = (await stage.children())["train-2"]
    assert '"finish": true' in job["spec"]["template"]["metadata"]["annotations"]["finetune.dev/run.json"]
    await stage.run("train", 2)
    await stage.end("train", 2, message=verdict("stopped", step=7, artifact=ARTIFACT))
    done = await stage.visit()
    assert (done.phase, done.reason) == (Phase.SUCCEEDED, Reason.STOPPED)


async def test_a_job_that_is_stopped_before_it_trained_has_nothing_to_publish(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await ask(stage, stop=True)
    await stage.visit()
    await eventually(lambda: gone(stage, "train-1"))
    status = await stage.visit()
    assert (status.phase, status.reason) == (Phase.CANCELLED, Reason.STOPPED)
    assert await stage.jobs() == ["prepare-1"]


async def test_cancel_ends_the_pods_with_a_short_grace_and_never_by_force(stage: Stage) -> None:
    pod = await training(stage)
    await stage.hold(pod)
    await ask(stage, cancel=True)
    status = await stage.visit()
    assert status.phase == Phase.RUNNING
    (ending,) = [p for p in await pods(stage) if p["metadata"]["uid"] == pod["metadata"]["uid"]]
    assert ending["metadata"]["deletionGracePeriodSeconds"] <= 5
    assert (await stage.visit(2)).phase == Phase.RUNNING
    await stage.let_go(pod)
    await eventually(lambda: gone(stage, "train-1"))
    status = await stage.visit()
    assert (status.phase, status.reason) == (Phase.CANCELLED, Reason.CANCELLED)
    assert status.completion_time is not None


async def pods(stage: Stage) -> list[Json]:
    return await stage.world.list(PODS, stage.namespace)


async def test_an_ended_job_runs_again_when_restart_generation_is_raised_and_only_then(stage: Stage) -> None:
    await training(stage)
    await stage.end("train", message=FINISHED)
    first = await stage.visit()
    assert first.phase == Phase.SUCCEEDED
    assert (await ask(stage, hours=2)).phase == Phase.SUCCEEDED

    again = await ask(stage, restartGeneration=1)
    assert (again.phase, again.restart_generation) == (Phase.VALIDATING, 1)
    assert await stage.jobs() == ["prepare-1", "prepare-2", "train-1"]
    assert again.completion_time is None
    assert again.result == first.result
    assert again.usage is not None
    assert again.usage.training_seconds == 0
    assert (await stage.children())["prepare-2"]["metadata"]["labels"]["finetune.dev/run"] == "1"


async def test_a_run_that_was_restarted_from_scratch_goes_on_from_no_checkpoint_of_an_earlier_one(stage: Stage) -> None:
    await training(stage)
    await stage.end("train", message=FINISHED)
    await stage.visit()
    await ask(stage, restartGeneration=1, restartFrom="scratch")
    await stage.run("prepare", 2)
    await stage.end("prepare", 2, message=verdict(stage="prepare", report={"rows": 1, "tokens": 2, "warnings": []}))
    await stage.visit()
    job = (await stage.children())["train-2"]
    run = job["spec"]["template"]["metadata"]["annotations"]["finetune.dev/run.json"]
    assert '"resumeFrom": 2' in run
    assert '"run": 1' in run


async def test_a_run_after_one_that_could_not_be_published_only_publishes_what_that_one_trained(stage: Stage) -> None:
    await training(stage, output={"uri": "s3://models/bot"})
    await stage.end("train", message=FINISHED)
    await stage.visit()
    await stage.run("publish")
    await stage.end("publish", code=64, message=verdict("userError", stage="publish", code="SourceForbidden"))
    assert (await stage.visit()).phase == Phase.FAILED

    again = await ask(stage, restartGeneration=1)
    assert (again.phase, again.restart_generation) == (Phase.PUBLISHING, 1)
    assert await stage.jobs() == ["prepare-1", "publish-1", "publish-2", "train-1"]
    job = (await stage.children())["publish-2"]
    assert '"run":' not in job["spec"]["template"]["metadata"]["annotations"]["finetune.dev/run.json"]

    await stage.run("publish", 2)
    published = ARTIFACT | {"uri": "s3://models/bot"}
    await stage.end("publish", 2, message=verdict(stage="publish", attempt=2, artifact=published))
    done = await stage.visit()
    assert (done.phase, done.reason, done.unpublished) == (Phase.SUCCEEDED, Reason.COMPLETED, None)
    assert done.result is not None
    assert done.result.uri == "s3://models/bot"


async def test_a_restart_ends_what_still_runs_first(stage: Stage) -> None:
    pod = await training(stage)
    await stage.hold(pod)
    await ask(stage, restartGeneration=1)
    await stage.visit()
    assert await stage.jobs() == ["prepare-1", "train-1"]
    assert (await stage.visit()).restart_generation is None
    await save_and_go(stage, pod)
    again = await stage.visit()
    assert again.restart_generation == 1
    assert attempts(again, "train")[0].reason == Reason.RESTARTED
    assert await stage.jobs() == ["prepare-1", "prepare-2"]


async def test_an_operator_killed_between_the_new_run_and_its_status_finds_it_again(stage: Stage) -> None:
    await training(stage)
    await stage.end("train", message=FINISHED)
    before = await stage.visit()
    await ask(stage, restartGeneration=1)
    # The status of the moment before comes back: the write was never made.
    body = {"status": {**before.wire(), "restartGeneration": None}}
    await stage.world.patch_status(FINETUNEJOBS, stage.namespace, NAME, body)
    again = await stage.visit()
    assert (again.phase, again.restart_generation) == (Phase.VALIDATING, 1)
    assert await stage.jobs() == ["prepare-1", "prepare-2", "train-1"]


async def test_children_go_when_their_time_is_over_and_the_record_stays(stage: Stage) -> None:
    await training(stage, childrenTTLSecondsAfterFinished=60)
    await stage.end("train", message=FINISHED)
    done = await stage.visit()
    wait = await stage.operator.visit(stage.namespace)
    assert wait is not None
    assert 50 < wait <= 61
    stage.operator.skew = timedelta(seconds=61)
    await stage.visit()
    await eventually(lambda: nothing_left(stage))
    after = await stage.visit(2)
    assert (after.phase, after.result, after.completion_time) == (done.phase, done.result, done.completion_time)


async def nothing_left(stage: Stage) -> bool:
    return not await stage.world.list(JOBS, stage.namespace)


async def test_a_start_that_nobody_mends_is_given_up_after_the_deadline(stage: Stage) -> None:
    await stage.apply(startDeadlineSeconds=30)
    await stage.prepare()
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    container = {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
    await stage.say("train", {"phase": "Pending", "containerStatuses": [container]})
    assert (await stage.visit()).phase in {Phase.QUEUED, Phase.STARTING}
    stage.operator.skew = timedelta(seconds=40)
    await stage.visit(2)
    await eventually(lambda: gone(stage, "train-1"))
    status = await stage.visit()
    assert (status.phase, status.reason) == (Phase.FAILED, Reason.START_DEADLINE_EXCEEDED)
    assert status.failure is not None


async def test_a_folded_job_has_one_job_of_its_own_with_everything_decided_before(stage: Stage) -> None:
    stage.operator.staging = Staging(folded=True)
    await stage.apply()
    status = await stage.visit()
    assert await stage.jobs() == ["train-1"]
    assert status.resolved is not None
    assert status.resolved.complete
    assert status.resolved.hyperparameters.batch_size is not None
    assert len(await stage.world.list(CLAIMS, stage.namespace)) == 1
    await stage.run("train")
    await stage.end("train", message=FINISHED)
    done = await stage.visit()
    assert done.phase == Phase.SUCCEEDED
    assert [record.name for record in done.stages] == ["train"]

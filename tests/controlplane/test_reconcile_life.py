"""The life of a job on a real API server with a real Job controller and garbage collector; the kubelet is played."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.names import output_claim_name, stage_job_name
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.errors import Conflict
from finetune_operator.cluster.resources import CLAIMS, FINETUNEJOBS, JOBS, PODS, Key
from finetune_operator.planning.progress import Progress
from tests.controlplane.stage import NAME, Operator, Stage, an_operator, verdict
from tests.support.eventually import eventually
from tests.support.objects import batch_job

pytestmark = pytest.mark.controlplane

ARTIFACT = {"path": "model", "kind": "adapter", "files": ["a"], "bytes": 7, "digest": f"sha256:{'0' * 64}"}
FINISHED = verdict(step=18, totalSteps=18, trainingSeconds=12.5, metrics={"loss": 0.3}, artifact=ARTIFACT)


def words(status: FineTuneJobStatus) -> tuple[Phase | None, str | None]:
    """Where a job is, and why."""
    return status.phase, status.reason


def true_of(status: FineTuneJobStatus) -> set[str]:
    """The conditions that hold."""
    return {each.type for each in status.conditions if each.status == "True"}


async def test_a_job_is_checked_trained_and_succeeds(stage: Stage) -> None:
    await stage.apply()
    first = await stage.visit()
    assert words(first) == (Phase.VALIDATING, Reason.WAITING_FOR_POD)
    assert await stage.jobs() == ["prepare-1"]

    await stage.run("prepare")
    assert words(await stage.visit()) == (Phase.VALIDATING, Reason.VALIDATING)
    report = {"rows": 48, "tokens": 1932, "warnings": ["short"]}
    await stage.end("prepare", message=verdict(stage="prepare", report=report))
    queued = await stage.visit()
    assert words(queued) == (Phase.QUEUED, Reason.WAITING_FOR_POD)
    assert await stage.jobs() == ["prepare-1", "train-1"]

    await stage.run("train")
    assert words(await stage.visit()) == (Phase.RUNNING, Reason.LOADING)
    await stage.end("train", message=FINISHED)
    done = await stage.visit()
    assert words(done) == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert true_of(done) == {"Validated", "Complete", "Ready"}
    assert done.result is not None
    assert done.result.uri.endswith("-output/model")
    assert done.usage is not None
    assert done.usage.training_seconds == 12.5
    assert done.start_time is not None
    assert done.completion_time is not None


async def test_a_whole_life_costs_three_children_and_a_handful_of_status_writes(stage: Stage) -> None:
    await stage.apply()
    await stage.visit()
    await stage.run("prepare")
    await stage.visit(3)
    await stage.end("prepare", message=verdict(stage="prepare"))
    await stage.visit()
    await stage.run("train")
    await stage.visit(3)
    await stage.end("train", message=FINISHED)
    await stage.visit(3)
    writes = stage.operator.writes()
    assert [each for each in writes if each[0] == "create" and each[1] != "events"] == [
        ("create", "persistentvolumeclaims"),
        ("create", "jobs"),
        ("create", "jobs"),
    ]
    assert writes.count(("patch_status", "finetunejobs")) == 5
    assert writes.count(("create", "events")) == 5
    assert len(writes) == 13


async def test_the_resource_stays_small(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.end("train", message=FINISHED)
    await stage.visit()
    body = await stage.body()
    del body["metadata"]["managedFields"]
    assert len(str(body)) < 10_000


async def test_a_visit_without_news_writes_nothing(stage: Stage) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.visit()
    before = len(stage.operator.writes())
    await stage.visit(5)
    assert len(stage.operator.writes()) == before


async def test_what_the_trainer_pushes_is_shown(stage: Stage) -> None:
    job = await stage.apply()
    await stage.prepare()
    pod = await stage.run("train")
    uid = job["metadata"]["uid"]
    stage.operator.reports[uid] = Progress(
        attempt=1,
        pod_uid=pod["metadata"]["uid"],
        step=6,
        received_at=stage.operator.reconciler.clock(),
        total_steps=18,
        training_seconds=4.0,
        metrics={"loss": 2.41},
    )
    seen = await stage.visit()
    assert (words(seen), seen.message) == ((Phase.RUNNING, Reason.TRAINING), "step 6 of 18")
    assert seen.display is not None
    assert (seen.display.progress, seen.display.loss) == ("33%", "2.41")


class TestAUserError:
    async def test_fails_the_job_at_once_with_field_and_advice(self, stage: Stage) -> None:
        await stage.apply()
        await stage.visit()
        word = verdict(
            "userError",
            stage="prepare",
            code="DatasetRowInvalid",
            param="spec.datasets[0].uri",
            advice="Each line is one JSON object.",
        )
        await stage.end("prepare", code=64, message=word)
        seen = await stage.visit()
        assert words(seen) == (Phase.FAILED, Reason.USER_ERROR)
        assert true_of(seen) == {"Failed", "Stalled"}
        assert seen.failure is not None
        assert (seen.failure.code, seen.failure.param) == ("DatasetRowInvalid", "spec.datasets[0].uri")
        await stage.visit(2)
        assert await stage.jobs() == ["prepare-1"]
        assert "UserError" in await stage.told()


class TestAnError:
    async def test_is_tried_again_after_a_wait(self, stage: Stage) -> None:
        await stage.apply()
        await stage.prepare()
        await stage.end("train", code=1, message="boom")
        backing_off = await stage.visit()
        assert (words(backing_off), backing_off.retries) == ((Phase.PENDING, Reason.RETRYING), 1)
        assert await stage.jobs() == ["prepare-1", "train-1"]
        stage.operator.skew = timedelta(seconds=11)
        await stage.visit()
        assert await stage.jobs() == ["prepare-1", "train-1", "train-2"]

    async def test_ends_the_job_when_the_limit_is_used_up(self, stage: Stage) -> None:
        await stage.apply(backoffLimit=0)
        await stage.prepare()
        await stage.end("train", code=1, message="boom")
        seen = await stage.visit()
        assert words(seen) == (Phase.FAILED, Reason.BACKOFF_LIMIT_EXCEEDED)
        assert "boom" in (seen.message or "")


class TestAVanishedJob:
    async def test_is_followed_only_after_its_pod_is_gone(self, stage: Stage) -> None:
        await stage.apply()
        await stage.prepare()
        pod = await stage.run("train")
        await stage.hold(pod)
        await stage.visit()
        job = (await stage.children())["train-1"]["metadata"]
        await stage.world.delete(JOBS, stage.namespace, job["name"], uid=job["uid"])
        await eventually(lambda: _is_terminating(stage))
        try:
            fenced = await stage.visit(3)
            assert words(fenced) == (Phase.PENDING, Reason.PODS_REMAIN)
            assert pod["metadata"]["name"] in (fenced.message or "")
            assert await stage.jobs() == ["prepare-1"]
        finally:
            await stage.let_go(pod)
        await stage.visit()
        assert await stage.jobs() == ["prepare-1", "train-2"]

    async def test_is_not_believed_from_a_view_that_lags(self, stage: Stage) -> None:
        await stage.apply()
        await stage.prepare()
        await stage.run("train")
        await stage.visit()
        async with an_operator(stage.server) as forgetful:
            forgetful.store.put(FINETUNEJOBS, await stage.body())
            await forgetful.visit(stage.namespace, watch=False)
        assert await stage.jobs() == ["prepare-1", "train-1"]
        assert words(await stage.status()) == (Phase.RUNNING, Reason.LOADING)


async def _is_terminating(stage: Stage) -> bool:
    return "deletionTimestamp" in (await stage.pod("train"))["metadata"]


class TestAnOperatorThatIsKilled:
    async def test_between_create_and_status_finds_its_job_again(self, stage: Stage) -> None:
        await stage.apply()
        await stage.prepare()
        before = await stage.body()
        async with an_operator(stage.server) as successor:
            await stage.world.patch_status(
                FINETUNEJOBS,
                stage.namespace,
                NAME,
                {"status": {"attempts": before["status"]["attempts"][:1], "phase": "Validating"}},
            )
            await successor.visit(stage.namespace)
        assert await stage.jobs() == ["prepare-1", "train-1"]
        assert [(a.stage, a.number) for a in (await stage.status()).attempts] == [("prepare", 1), ("train", 1)]

    async def test_before_its_first_status_starts_nothing_twice(self, stage: Stage) -> None:
        await stage.apply()
        await stage.visit()
        await stage.world.patch_status(
            FINETUNEJOBS, stage.namespace, NAME, {"status": dict.fromkeys(("attempts", "phase", "resolved"))}
        )
        async with an_operator(stage.server) as successor:
            successor.store.put(FINETUNEJOBS, await stage.body())
            await successor.watch(stage.namespace)
            for body in await stage.world.list(JOBS, stage.namespace):
                successor.store.drop(JOBS, Key(stage.namespace, body["metadata"]["name"]))
            await successor.visit(stage.namespace, watch=False)
        assert await stage.jobs() == ["prepare-1"]
        assert [a.number for a in (await stage.status()).attempts] == [1]


async def test_three_operators_that_race_make_one_job_of_each_stage(stage: Stage) -> None:
    await stage.apply()
    async with an_operator(stage.server) as one, an_operator(stage.server) as two, an_operator(stage.server) as three:
        operators = (one, two, three)
        await race(stage, operators)
        await stage.run("prepare")
        await stage.end("prepare", message=verdict(stage="prepare"))
        await race(stage, operators)
        await stage.run("train")
        await stage.end("train", message=FINISHED)
        await race(stage, operators)
        created = [write for each in operators for write in each.writes() if write == ("create", "jobs")]
    assert await stage.jobs() == ["prepare-1", "train-1"]
    assert len(created) == 2
    assert words(await stage.status()) == (Phase.SUCCEEDED, Reason.COMPLETED)


async def race(stage: Stage, operators: tuple[Operator, ...]) -> None:
    """All operators look at the same view at the same moment, three times."""
    for _ in range(3):
        for each in operators:
            await each.watch(stage.namespace)
        visits = (each.visit(stage.namespace, watch=False) for each in operators)
        results = await asyncio.gather(*visits, return_exceptions=True)
        assert all(isinstance(each, float | None | Conflict) for each in results), results


async def test_a_stale_status_write_is_refused_and_changes_nothing(stage: Stage) -> None:
    await stage.apply()
    await stage.operator.watch(stage.namespace)
    await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, {"metadata": {"labels": {"news": "yes"}}})
    with pytest.raises(Conflict):
        await stage.operator.visit(stage.namespace, watch=False)
    assert (await stage.status()).phase is None
    assert (await stage.visit()).phase == Phase.VALIDATING
    assert await stage.jobs() == ["prepare-1"]


COLLECTED_WITHIN = 120.0
"""The garbage collector looks for new kinds every 30 s only, and our CRDs are new to a control plane just started."""


class TestADeletedJob:
    async def test_takes_its_jobs_and_pods_with_it_and_leaves_the_model(self, stage: Stage) -> None:
        job = await stage.apply()
        await stage.prepare()
        await stage.run("train")
        await stage.world.delete(FINETUNEJOBS, stage.namespace, NAME)
        await eventually(lambda: _nothing_left(stage), COLLECTED_WITHIN)
        claim = output_claim_name(NAME, job["metadata"]["uid"])
        assert (await stage.world.get(CLAIMS, stage.namespace, claim))["metadata"].get("ownerReferences") is None
        assert await stage.operator.visit(stage.namespace) is None

    async def test_takes_the_model_too_when_it_is_not_retained(self, stage: Stage) -> None:
        await stage.apply(output={"retain": False})
        await stage.visit()
        assert len(await stage.world.list(CLAIMS, stage.namespace)) == 1
        await stage.world.delete(FINETUNEJOBS, stage.namespace, NAME)
        await eventually(lambda: _no_claims(stage), COLLECTED_WITHIN)

    async def test_is_let_alone_while_it_goes(self, stage: Stage) -> None:
        await stage.apply()
        await stage.world.patch(
            FINETUNEJOBS, stage.namespace, NAME, {"metadata": {"finalizers": ["tests.finetune.dev/x"]}}
        )
        await stage.world.delete(FINETUNEJOBS, stage.namespace, NAME)
        try:
            assert await stage.operator.visit(stage.namespace) is None
            assert stage.operator.writes() == []
        finally:
            await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, {"metadata": {"finalizers": None}})


async def _nothing_left(stage: Stage) -> bool:
    return not await stage.world.list(JOBS, stage.namespace) and not await stage.world.list(PODS, stage.namespace)


async def _no_claims(stage: Stage) -> bool:
    claims = await stage.world.list(CLAIMS, stage.namespace)
    # The claim's own protection lets it go only once no pod uses it; marked is enough.
    return all("deletionTimestamp" in claim["metadata"] for claim in claims)


async def test_a_terminal_job_is_seen_again_after_an_edit_and_never_runs_again(stage: Stage) -> None:
    await stage.apply(backoffLimit=0)
    await stage.prepare()
    await stage.end("train", code=1)
    await stage.visit()
    for body in await stage.world.list(JOBS, stage.namespace):
        await stage.world.delete(JOBS, stage.namespace, body["metadata"]["name"])
    await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, {"spec": {"hours": 9}})
    seen = await stage.visit(2)
    assert seen.observed_generation == 2
    assert {each.observed_generation for each in seen.conditions} == {2}
    assert words(seen) == (Phase.FAILED, Reason.BACKOFF_LIMIT_EXCEEDED)
    assert "train-2" not in await stage.jobs()


async def test_a_stranger_with_the_name_of_a_child_is_named_and_left_alone(stage: Stage) -> None:
    job = await stage.apply()
    name = stage_job_name(NAME, job["metadata"]["uid"], "prepare", 1)
    stranger = await stage.world.create(JOBS, stage.namespace, batch_job(name))
    seen = await stage.visit()
    assert words(seen) == (Phase.FAILED, Reason.NAME_CONFLICT)
    assert name in (seen.message or "")
    assert "delete or rename it" in (seen.message or "")
    kept = await stage.world.get(JOBS, stage.namespace, name)
    assert kept["metadata"]["uid"] == stranger["metadata"]["uid"]


async def test_a_suspended_job_is_planned_and_creates_nothing_until_it_is_let_go(stage: Stage) -> None:
    await stage.apply(suspend=True)
    held = await stage.visit(2)
    assert words(held) == (Phase.SUSPENDED, Reason.SUSPENDED)
    assert held.resolved is not None
    assert await stage.jobs() == []
    await _patch(stage, suspend=False)
    assert words(await stage.visit()) == (Phase.VALIDATING, Reason.WAITING_FOR_POD)
    assert await stage.jobs() == ["prepare-1"]


async def test_a_job_that_is_cancelled_before_it_began_creates_nothing_and_can_be_taken_up_again(stage: Stage) -> None:
    await stage.apply(cancel=True)
    assert words(await stage.visit(2)) == (Phase.CANCELLED, Reason.CANCELLED)
    assert await stage.jobs() == []
    await _patch(stage, cancel=False, restartGeneration=1)
    assert words(await stage.visit()) == (Phase.VALIDATING, Reason.WAITING_FOR_POD)


async def test_a_refused_job_runs_once_it_is_corrected_and_restarted(stage: Stage) -> None:
    await stage.apply(instanceType="gpu-of-another-cluster")
    stage.operator.skew = timedelta(seconds=12)
    refused = await stage.visit()
    assert words(refused) == (Phase.FAILED, Reason.UNKNOWN_INSTANCE_TYPE)
    await _patch(stage, instanceType=stage.hardware, restartGeneration=1)
    seen = await stage.visit()
    assert words(seen) == (Phase.VALIDATING, Reason.WAITING_FOR_POD)
    assert (seen.restart_generation, seen.failure) == (1, None)
    assert await stage.jobs() == ["prepare-1"]


async def _patch(stage: Stage, **spec: object) -> None:
    await stage.world.patch(FINETUNEJOBS, stage.namespace, NAME, {"spec": spec})

"""The stage that merges an adapter into its base model or uploads a model: only where it is asked for, on CPU, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CreateStage
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.outcome import caches_for, claims_for
from finetune_operator.planning.run_config import Run, run_document
from finetune_operator.planning.stand import stand
from finetune_operator.planning.standing import Leaving, Underway, Wanted
from tests.unit.planning.scene import (
    a_job,
    at,
    ended,
    in_its_run,
    prepared,
    resolved_for,
    running_pod,
    scene,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life

MERGED: Json = {"output": {"merge": "merged"}}
ELSEWHERE = ("s3://models/bot", "gs://models/bot", "hf://me/bot")
TRAINED = ended(message=verdict("completed", step=18))
ARTIFACT = {"path": "model", "kind": "model", "files": ["model.safetensors"], "bytes": 9, "digest": "sha256:00"}
PUBLISHED = verdict("completed", stage="publish", message="merged", artifact=ARTIFACT)


def trained(result: str = "completed", **spec: object) -> Life:
    """A job with a merged output whose training has ended."""
    life = Life(MERGED | spec)
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), ended(message=verdict(result, step=18)), stage_job("publish"), now=1)
    return life


def test_it_follows_the_training_of_an_adapter_that_is_to_be_merged() -> None:
    life = Life(MERGED)
    life.visit(prepared(), stage_job(), running_pod())
    seen = life.visit(prepared(), TRAINED, now=1)
    assert (seen.actions, seen.must_list, seen.status.result) == ((CreateStage("publish", 1),), True, None)


@pytest.mark.parametrize(
    "spec",
    [{}, {"output": {"merge": "adapter"}}, MERGED | {"hyperparameters": {"lora": {"enabled": False}}}],
    ids=["nothing is said", "the adapter is wanted", "there is no adapter"],
)
def test_there_is_none_when(spec: Json) -> None:
    life = Life(spec)
    life.visit(prepared(), stage_job(), running_pod())
    assert life.visit(prepared(), TRAINED, now=1).words == (Phase.SUCCEEDED, Reason.COMPLETED)


def test_it_is_told_as_publishing_and_holds_no_gpu() -> None:
    life = trained()
    seen = life.visit(prepared(), TRAINED, stage_job("publish"), running_pod("publish"), now=2)
    assert seen.words == (Phase.PUBLISHING, Reason.PUBLISHING)
    job = a_job(MERGED)
    run = Run(job, resolved_for(job, gpu={"count": 8}), "publish", 1)
    assert run_document(run)["hardware"]["gpus"] == 0
    container = render_stage(run, "Always", None)["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_it_follows_any_training_whose_model_goes_out_of_the_cluster(uri: str) -> None:
    life = Life({"output": {"uri": uri}, "hyperparameters": {"lora": {"enabled": False}}})
    life.visit(prepared(), stage_job(), running_pod())
    seen = life.visit(prepared(), TRAINED, now=1)
    assert (seen.actions, seen.status.result) == ((CreateStage("publish", 1),), None)
    stages = [stage.name for stage in seen.status.stages]
    assert stages == ["prepare", "train", "publish"]


@pytest.mark.parametrize("uri", ["pvc://results/bot", None])
def test_a_model_that_stays_on_a_claim_needs_none(uri: str | None) -> None:
    life = Life({"output": {"uri": uri} if uri else {}})
    life.visit(prepared(), stage_job(), running_pod())
    assert life.visit(prepared(), TRAINED, now=1).words == (Phase.SUCCEEDED, Reason.COMPLETED)


def test_a_folded_job_publishes_in_a_stage_of_its_own_all_the_same() -> None:
    job = a_job({"output": {"uri": ELSEWHERE[0]}})
    folded = job.with_plan(resolved_for(job).model_copy(update={"folded": True}))
    view = in_its_run(replace(scene(job, TRAINED), job=folded))
    assert stand(view, None) == Wanted("publish", 1)
    assert (claims_for(folded), caches_for(folded)) == ("train", None)


def test_the_result_is_where_the_model_was_published() -> None:
    life = Life({"output": {"uri": ELSEWHERE[0]}})
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), TRAINED, stage_job("publish"), running_pod("publish"), now=2)
    uploaded = verdict("completed", stage="publish", artifact=ARTIFACT | {"uri": "s3://models/bot/support-bot"})
    done = life.visit(prepared(), TRAINED, ended("publish", message=uploaded), now=3)
    assert done.status.result is not None
    assert done.status.result.uri == "s3://models/bot/support-bot"


def test_an_upload_asks_for_little_and_merging_for_what_the_model_takes() -> None:
    def container(output: Json) -> Json:
        job = a_job({"output": output})
        resolved = resolved_for(job, memory="64Gi")
        run = Run(job.with_plan(resolved), resolved, "publish", 1)
        return dict(render_stage(run, "Always", None)["spec"]["template"]["spec"]["containers"][0]["resources"])

    assert container({"uri": "s3://models/bot"})["requests"] == {"cpu": "100m", "memory": "1Gi"}
    assert container({"uri": "s3://models/bot", "merge": "merged"})["requests"]["memory"] == "64Gi"


def test_it_is_repeated_for_a_while_and_then_the_job_fails_with_its_model_on_the_claim() -> None:
    life, now, number, word = trained(backoffLimit=0), 10, 0, verdict("failed", stage="publish", message="no route")
    seen = life.visit(prepared(), TRAINED, ended("publish", code=1, message=word), now=now)
    for number in range(2, 20):
        if seen.status.phase == Phase.FAILED:
            break
        now += 300
        begun = stage_job("publish", number, created=at(now))
        life.visit(prepared(), TRAINED, begun, running_pod("publish", number, at(now)), now=now)
        job, pod = ended("publish", number, code=1, message=word)
        job["metadata"]["creationTimestamp"] = begun["metadata"]["creationTimestamp"]
        seen = life.visit(prepared(), TRAINED, (job, pod), now=now + 1)
    assert (seen.words, seen.status.retries) == ((Phase.FAILED, Reason.BACKOFF_LIMIT_EXCEEDED), 0)
    assert seen.status.message == "the model is trained and could not be published; the last attempt: no route"
    assert seen.status.failure is not None
    assert seen.status.failure.cause == "Platform"
    assert (number, now) == (6, 1210)


RESULTS = {
    "completed": Reason.COMPLETED,
    "deadline": Reason.HOURS_EXHAUSTED,
    "stopped": Reason.STOPPED,
}


@pytest.mark.parametrize(("result", "reason"), RESULTS.items())
def test_the_job_ends_for_the_reason_of_its_training(result: str, reason: Reason) -> None:
    life = trained(result)
    done = life.visit(prepared(), ended(message=verdict(result)), ended("publish", message=PUBLISHED), now=9)
    assert (done.words, done.status.message) == ((Phase.SUCCEEDED, reason), "merged")
    assert done.status.result is not None
    assert (done.status.result.kind, done.status.result.files) == ("model", ("model.safetensors",))


def test_when_it_fails_it_alone_is_repeated() -> None:
    life = trained()
    seen = life.visit(prepared(), TRAINED, ended("publish", code=1), now=9)
    assert seen.words == (Phase.PENDING, Reason.RETRYING)
    again = life.visit(prepared(), TRAINED, ended("publish", code=1), now=60)
    assert again.actions == (CreateStage("publish", 2),)


def test_when_its_node_goes_it_alone_is_repeated() -> None:
    life = trained()
    seen = life.visit(prepared(), TRAINED, ended("publish", code=143), now=9)
    assert (seen.actions, seen.status.retries) == ((CreateStage("publish", 2),), 0)


def test_it_runs_although_the_jobs_of_the_other_stages_were_deleted() -> None:
    life = trained()
    assert life.visit(ended("publish", code=143), now=9).actions == (CreateStage("publish", 2),)


def test_it_is_suspended_and_goes_on_like_any_other() -> None:
    life = trained()
    life.asks(suspend=True)
    there = (prepared(), TRAINED, stage_job("publish"), running_pod("publish"))
    assert isinstance(life.visit(*there, now=2).standing, Leaving)
    assert life.visit(prepared(), TRAINED, now=20).words == (Phase.SUSPENDED, Reason.SUSPENDED)
    life.asks(suspend=False)
    assert life.visit(prepared(), TRAINED, now=30).actions == (CreateStage("publish", 2),)


def test_a_stop_lets_it_publish() -> None:
    life = trained()
    life.asks(stop=True)
    seen = life.visit(prepared(), TRAINED, stage_job("publish"), now=2)
    assert isinstance(seen.standing, Underway)
    failed = life.visit(prepared(), TRAINED, ended("publish", code=143), now=3)
    assert failed.actions == (CreateStage("publish", 2),)


def test_a_new_run_is_told_of_the_model_of_the_run_before_first() -> None:
    life = trained()
    life.asks(restartGeneration=1)
    life.visit(prepared(), TRAINED, stage_job("publish"), running_pod("publish"), now=2)
    done = life.visit(prepared(), TRAINED, ended("publish", message=PUBLISHED), now=3)
    assert done.words == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert life.visit(prepared(), TRAINED, now=4).actions == (CreateStage("prepare", 2),)

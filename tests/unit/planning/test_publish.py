"""The stage that merges an adapter into its base model: only where that is asked for, on CPU, and repeated alone."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CreateStage
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.run_config import Run, run_document
from finetune_operator.planning.standing import Leaving, Underway
from tests.unit.planning.scene import a_job, ended, prepared, resolved_for, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life

MERGED: Json = {"output": {"merge": "merged"}}
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

"""A new run after a training whose publishing failed: it goes on at publishing, unless it is asked to train."""

from __future__ import annotations

from typing import Final

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CreateStage
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.run_config import Run, run_document
from tests.unit.planning.scene import (
    at,
    deleted,
    ended,
    finishing,
    in_run,
    prepared,
    running_pod,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life

LATER: Final = 5000
MERGED: Final[Json] = {"output": {"merge": "merged"}}
REFUSED: Final = verdict("userError", stage="publish", message="the token may not write", code="SourceForbidden")
ARTIFACT: Final = {"path": "model", "kind": "model"}
TRAIN_AGAIN: Final[dict[str, Json]] = {
    "from the beginning": {"restartFrom": "scratch"},
    "with more hours": {"hours": 2},
    "with a limit of the cost that is another": {"maxCost": 9},
    "with more steps": {"hyperparameters": {"steps": 40}},
    "with more epochs": {"hyperparameters": {"epochs": 4}},
    "with other cameras": {"cameraMappings": {"cam_1": "observation.images.front"}},
}


def unpublished(result: str = "completed", **spec: object) -> Life:
    """A job that has failed: it is trained, and its model was refused by the place that it was to go to."""
    life = Life(MERGED | spec)
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), _trained(result), now=10)
    life.visit(prepared(), _trained(result), stage_job("publish"), running_pod("publish"), now=11)
    failed = life.visit(prepared(), _trained(result), ended("publish", code=64, message=REFUSED), now=20)
    assert failed.words == (Phase.FAILED, Reason.USER_ERROR)
    return life


def _trained(result: str) -> tuple[Json, ...]:
    """A training that stopped because it was asked to is one that finished."""
    children = ended(message=verdict(result, step=18))
    return finishing(*children) if result == "stopped" else children


def publishing(number: int = 2, run: int = 1) -> tuple[Json, ...]:
    """An attempt at publishing that runs."""
    return in_run(run, stage_job("publish", number, created=at(LATER)), running_pod("publish", number, at(LATER)))


@pytest.mark.parametrize("result", ["completed", "deadline"])
def test_only_what_failed_is_done_again(result: str) -> None:
    life = unpublished(result)
    life.asks(restartGeneration=1)
    seen = life.visit(now=LATER)
    assert (seen.actions, seen.must_list) == ((CreateStage("publish", 2),), True)
    assert (seen.status.restart_generation, seen.status.phase, seen.status.failure) == (1, Phase.PENDING, None)
    assert [stage.name for stage in life.visit(*publishing(), now=LATER + 1).status.stages] == ["publish"]


@pytest.mark.parametrize(("result", "reason"), [("completed", Reason.COMPLETED), ("deadline", Reason.HOURS_EXHAUSTED)])
def test_it_ends_as_the_training_did_with_the_model_of_the_run_that_trained(result: str, reason: Reason) -> None:
    life = unpublished(result)
    life.asks(restartGeneration=1)
    life.visit(now=LATER)
    going = life.visit(*publishing(), now=LATER + 1)
    assert going.words == (Phase.PUBLISHING, Reason.PUBLISHING)
    word = verdict("completed", stage="publish", attempt=2, artifact=ARTIFACT)
    done = life.visit(*in_run(1, *ended("publish", 2, message=word)), now=LATER + 9)
    assert done.words == (Phase.SUCCEEDED, reason)
    assert done.status.result is not None
    assert done.status.result.uri.endswith("/model")
    assert done.status.unpublished is None
    told = {condition.type: condition.status for condition in done.status.conditions}
    assert (told["Validated"], told["Complete"]) == ("True", "True")


def test_its_pod_publishes_for_the_run_that_trained() -> None:
    life = unpublished()
    life.asks(restartGeneration=3)
    seen = life.visit(now=LATER)
    assert seen.status.resolved is not None
    document = run_document(Run(seen.view.job, seen.status.resolved, "publish", 2))
    assert (document.get("run"), document["attempt"]) == (None, 2)


def test_what_the_data_are_is_still_known() -> None:
    life = unpublished()
    before = life.status and life.status.report
    life.asks(restartGeneration=1)
    seen = life.visit(now=LATER)
    assert before is not None
    assert seen.status.report == before


@pytest.mark.parametrize("asked", TRAIN_AGAIN.values(), ids=TRAIN_AGAIN)
def test_it_trains_when_it_is_begun(asked: Json) -> None:
    life = unpublished()
    life.asks(restartGeneration=1, **asked)
    seen = life.visit(now=LATER)
    assert (seen.actions, seen.status.report, seen.status.unpublished) == ((CreateStage("prepare", 2),), None, None)


def test_hours_that_were_raised_before_it_was_begun_are_trained() -> None:
    life = unpublished()
    life.asks(hours=3)
    life.visit(now=LATER)
    life.asks(restartGeneration=1)
    assert life.visit(now=LATER + 1).actions == (CreateStage("prepare", 2),)


def test_hours_that_were_raised_while_it_trained_are_used_up_like_any() -> None:
    life = Life(MERGED)
    life.visit(prepared(), stage_job(), running_pod())
    life.asks(hours=3)
    life.visit(prepared(), _trained("deadline"), now=10)
    life.visit(prepared(), _trained("deadline"), stage_job("publish"), running_pod("publish"), now=11)
    life.visit(prepared(), _trained("deadline"), ended("publish", code=64, message=REFUSED), now=20)
    life.asks(restartGeneration=1)
    assert life.visit(now=LATER).actions == (CreateStage("publish", 2),)


def test_hours_that_are_raised_while_it_publishes_change_nothing_of_this_run() -> None:
    life = unpublished()
    life.asks(restartGeneration=1)
    life.visit(now=LATER)
    life.asks(hours=5)
    assert life.visit(in_run(1, *ended("publish", 2, code=143)), now=LATER + 9).actions == (CreateStage("publish", 3),)


@pytest.mark.parametrize(("stop", "stage"), [(True, "publish"), (False, "prepare")])
def test_one_that_was_stopped_trains_on_when_that_is_taken_back(*, stop: bool, stage: str) -> None:
    life = unpublished("stopped", stop=True)
    life.asks(restartGeneration=1, stop=stop)
    assert life.visit(now=LATER).actions == (CreateStage(stage, 2),)  # type: ignore[arg-type]


def test_it_may_fail_and_be_done_again_as_often_as_it_takes() -> None:
    life = unpublished()
    life.asks(restartGeneration=1)
    life.visit(now=LATER)
    life.visit(*publishing(), now=LATER + 1)
    word = verdict("userError", stage="publish", attempt=2)
    failed = life.visit(in_run(1, *ended("publish", 2, code=64, message=word)), now=LATER + 9)
    assert failed.words == (Phase.FAILED, Reason.USER_ERROR)
    life.asks(restartGeneration=2)
    seen = life.visit(now=2 * LATER)
    assert seen.actions == (CreateStage("publish", 3),)
    assert seen.status.unpublished is not None
    assert seen.status.unpublished.run == 0


def test_a_run_that_waits_to_publish_again_is_followed_by_one_that_publishes() -> None:
    life = Life(MERGED)
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), _trained("completed"), now=10)
    failed = (prepared(), _trained("completed"), ended("publish", code=1))
    life.visit(prepared(), _trained("completed"), stage_job("publish"), running_pod("publish"), now=11)
    assert life.visit(*failed, now=12).words == (Phase.PENDING, Reason.RETRYING)
    life.asks(restartGeneration=1)
    assert life.visit(*failed, now=13).actions == (CreateStage("publish", 2),)


def test_publishing_that_goes_well_is_ended_by_a_new_run_that_trains() -> None:
    life = Life(MERGED)
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), _trained("completed"), now=10)
    there = (prepared(), _trained("completed"))
    life.visit(*there, stage_job("publish"), running_pod("publish"), now=11)
    life.asks(restartGeneration=1)
    life.visit(*there, stage_job("publish"), running_pod("publish"), now=12)
    life.visit(*there, deleted(stage_job("publish"), at(42)), deleted(running_pod("publish"), at(42)), now=13)
    seen = life.visit(*there, now=60, beside=Beside(confirmed=True))
    assert seen.actions == (CreateStage("prepare", 2),)


def test_an_operator_that_was_killed_before_it_said_so_goes_on_with_what_it_began() -> None:
    life = unpublished()
    life.asks(restartGeneration=1, hours=2)
    begun = life.visit(*in_run(1, stage_job("publish", 2, created=at(LATER))), now=LATER + 1)
    assert begun.status.stages[0].name == "publish"
    other = unpublished()
    other.asks(restartGeneration=1)
    begun = other.visit(*in_run(1, stage_job("prepare", 2, created=at(LATER))), now=LATER + 1)
    assert begun.status.stages[0].name == "prepare"


def test_a_job_whose_publishing_could_not_even_begin_goes_on_there() -> None:
    life = Life(MERGED)
    life.visit(prepared(), stage_job(), running_pod())
    ready = life.visit(prepared(), _trained("completed"), now=10)
    assert ready.actions == (CreateStage("publish", 1),)
    life.status = ready.status.model_copy(update={"phase": Phase.FAILED, "reason": Reason.START_DEADLINE_EXCEEDED})
    life.asks(restartGeneration=1)
    assert life.visit(now=LATER).actions == (CreateStage("publish", 1),)

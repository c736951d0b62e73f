"""The stages on CPU: what hangs is ended in time and tried again, and what only waits is left alone."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus, Stage
from finetune_operator.planning.decide import CreateStage, Remove
from finetune_operator.planning.standing import BackingOff, Leaving, Underway
from tests.unit.planning.scene import (
    a_job,
    at,
    deleted,
    ended,
    pod,
    prepared,
    resolved_for,
    running_pod,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life

HOUR = 3600
LIMIT = 12 * HOUR
MERGED: Json = {"output": {"merge": "merged"}}
BEFORE: dict[Stage, tuple[Json, ...]] = {
    "prepare": (),
    "publish": (*prepared(), *ended(message=verdict("completed", step=18))),
}


@pytest.fixture(params=BEFORE)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each of the stages on CPU."""
    found: Stage = request.param
    return found


def running(stage: Stage) -> tuple[Json, ...]:
    """The stage, which began at NOW, and all before it."""
    return (*BEFORE[stage], stage_job(stage), running_pod(stage))


def overdue(stage: Stage) -> Life:
    """A job whose stage has run for too long, and whose status says so."""
    life = Life(MERGED)
    life.visit(*running(stage))
    life.visit(*running(stage), now=LIMIT)
    return life


def test_what_runs_is_looked_at_when_its_time_is_up(stage: Stage) -> None:
    life = Life(MERGED)
    seen = life.visit(*running(stage), now=60)
    assert (type(seen.standing), seen.again) == (Underway, LIMIT - 60)


def test_what_runs_for_too_long_is_ended_and_says_why(stage: Stage) -> None:
    life = Life(MERGED)
    life.visit(*running(stage))
    assert isinstance(life.visit(*running(stage), now=LIMIT - 1).standing, Underway)
    seen = life.visit(*running(stage), now=LIMIT)
    assert isinstance(seen.standing, Leaving)
    assert seen.status.reason == Reason.STAGE_DEADLINE_EXCEEDED
    assert seen.status.message is not None
    assert seen.status.message.endswith("has run for 12 h, the longest that a stage on CPU may")
    assert seen.actions == ()
    told = life.visit(*running(stage), now=LIMIT + 1)
    assert [type(action) for action in told.actions] == [Remove]


def test_it_is_tried_again_and_counts_as_a_retry(stage: Stage) -> None:
    life = overdue(stage)
    over = life.visit(*BEFORE[stage], now=LIMIT + 20)
    assert isinstance(over.standing, BackingOff)
    attempt = over.attempt(stage, 1)
    assert (attempt.outcome, attempt.reason) == ("Error", Reason.STAGE_DEADLINE_EXCEEDED)
    assert over.status.retries == 1
    again = life.visit(*BEFORE[stage], now=LIMIT + 60)
    assert again.actions == (CreateStage(stage, 2),)


def test_after_the_last_retry_the_platform_is_to_blame(stage: Stage) -> None:
    life = overdue(stage)
    life.asks(backoffLimit=0)
    over = life.visit(*BEFORE[stage], now=LIMIT + 20)
    assert over.words == (Phase.FAILED, Reason.BACKOFF_LIMIT_EXCEEDED)
    assert over.status.failure is not None
    assert over.status.failure.cause == "Platform"
    assert "longest that a stage on CPU may" in over.status.failure.message


def test_what_was_done_before_it_heard_has_succeeded() -> None:
    life = overdue("prepare")
    late = ended("prepare", message=verdict(stage="prepare", report={"rows": 1, "tokens": 2, "warnings": []}))
    assert life.visit(*late, now=LIMIT + 2).actions == (CreateStage("train", 1),)


def test_what_waits_for_a_node_has_not_begun(stage: Stage) -> None:
    waits = pod(stage, phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "full"}])
    seen = Life(MERGED).visit(*BEFORE[stage], stage_job(stage), waits, now=10 * LIMIT)
    assert isinstance(seen.standing, Underway)


def test_training_has_its_hours_and_no_other_limit() -> None:
    seen = Life({"hours": 100}).visit(prepared(), stage_job(), running_pod(), now=10 * LIMIT)
    assert isinstance(seen.standing, Underway)


def test_the_administrator_sets_it_and_a_job_keeps_what_it_was_accepted_with() -> None:
    resolved = resolved_for(a_job()).model_copy(update={"stage_limit_hours": 0.5})
    life = Life(status=FineTuneJobStatus(resolved=resolved))
    for now, kind in ((0, Underway), (1799, Underway), (1800, Leaving)):
        seen = life.visit(*running("prepare"), now=now)
        assert isinstance(seen.standing, kind)
    assert seen.status.message == "the check of model and data has run for 0.5 h, the longest that a stage on CPU may"


def test_one_that_does_not_hear_is_not_ended_twice() -> None:
    life = overdue("prepare")
    going = (deleted(stage_job("prepare"), at(LIMIT)), deleted(running_pod("prepare"), at(LIMIT + 10)))
    assert life.visit(*going, now=LIMIT + 5).actions == ()

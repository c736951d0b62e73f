"""stop: what has been trained is published; what has not begun to train is not begun."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.planning.control import control_of
from finetune_operator.planning.decide import CreateStage
from finetune_operator.planning.standing import Leaving, Underway, Wanted
from tests.unit.planning.scene import ended, finishing, in_run, pod, prepared, pushed, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life

SAVED = verdict("retry", step=120)
NOTHING = (Phase.CANCELLED, Reason.STOPPED)
AGAIN = in_run(
    1, *ended("prepare", 2, message=verdict(stage="prepare", attempt=2, report={"rows": 48, "tokens": 1932}))
)
"""The first stage of a second run, done."""


def training() -> Life:
    """A job that trains."""
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    return life


def interrupted() -> Life:
    """A job whose training was interrupted with a checkpoint, and whose next attempt waits for hardware."""
    life = training()
    life.visit(prepared(), ended(code=75, message=SAVED), now=1)
    life.visit(prepared(), ended(code=75, message=SAVED), stage_job(attempt=2), now=2)
    return life


def restarted() -> Life:
    """A job that had a checkpoint when it failed, and begins a new run."""
    life = training()
    word = verdict("userError", step=120)
    told = pushed(checkpoint_step=120)
    assert life.visit(prepared(), ended(code=64, message=word), now=1, beside=told).words[0] == Phase.FAILED
    life.asks(restartGeneration=1)
    return life


def test_a_trainer_that_trains_hears_of_it_with_the_reply() -> None:
    life = training()
    life.asks(stop=True)
    seen = life.visit(prepared(), stage_job(), running_pod(), now=1)
    assert (type(seen.standing), seen.actions) == (Underway, ())
    assert control_of(seen.view.job)["stop"] is True
    word = verdict("stopped", step=7, artifact={"path": "model", "kind": "adapter"})
    done = life.visit(prepared(), ended(message=word), now=9)
    assert done.words == (Phase.SUCCEEDED, Reason.STOPPED)
    assert done.status.result is not None


@pytest.mark.parametrize("children", [(), (pod(),)], ids=["no pod yet", "pulling"])
def test_what_waits_for_its_hardware_without_a_checkpoint_is_not_begun(children: tuple[dict[str, object], ...]) -> None:
    life = Life()
    life.visit(prepared(), stage_job(), *children)
    life.asks(stop=True)
    asked = life.visit(prepared(), stage_job(), *children, now=1)
    assert isinstance(asked.standing, Leaving)
    assert asked.last.ends_for == "Stopped"
    assert life.visit(prepared(), now=2).words == NOTHING


def test_what_waits_for_its_hardware_with_a_checkpoint_makes_way_for_one_that_only_publishes() -> None:
    life = interrupted()
    life.asks(stop=True)
    before = (prepared(), ended(code=75, message=SAVED))
    assert isinstance(life.visit(*before, stage_job(attempt=2), now=3).standing, Leaving)
    follows = life.visit(*before, now=4)
    assert follows.actions == (CreateStage("train", 3, finish=True),)
    last = finishing(stage_job(attempt=3))
    assert isinstance(life.visit(*before, last, now=5).standing, Underway)
    done = life.visit(*before, finishing(*ended(attempt=3, message=verdict("stopped", attempt=3, step=120))), now=9)
    assert done.words == (Phase.SUCCEEDED, Reason.STOPPED)


def test_between_two_attempts_with_a_checkpoint_the_next_one_only_publishes() -> None:
    life = training()
    life.asks(stop=True)
    seen = life.visit(prepared(), ended(code=75, message=SAVED), now=1)
    assert seen.actions == (CreateStage("train", 2, finish=True),)


def test_a_checkpoint_that_was_only_reported_counts() -> None:
    life = training()
    life.visit(prepared(), stage_job(), running_pod(), now=1, beside=pushed(step=90, checkpoint_step=80))
    life.asks(stop=True)
    assert life.visit(prepared(), ended(code=143), now=2).actions == (CreateStage("train", 2, finish=True),)


def test_between_two_attempts_without_a_checkpoint_there_is_nothing_to_publish() -> None:
    life = training()
    life.visit(prepared(), ended(code=1), now=1)
    life.asks(stop=True)
    seen = life.visit(prepared(), ended(code=1), now=2)
    assert (seen.words, seen.actions) == (NOTHING, ())
    assert "nothing to publish" in (seen.status.message or "")


def test_the_step_of_an_end_by_mistake_is_no_checkpoint() -> None:
    life = training()
    word = verdict("failed", code="LossNotFinite", step=5)
    seen = life.visit(prepared(), ended(code=1, message=word), now=1)
    assert seen.status.progress is not None
    assert (seen.status.progress.step, seen.status.progress.checkpoint_step) == (5, None)
    life.asks(stop=True)
    assert life.visit(prepared(), ended(code=1, message=word), now=2).words == NOTHING


def test_before_anything_was_created_it_is_called_off() -> None:
    assert Life({"stop": True}).visit().words == NOTHING


def test_while_the_data_is_checked_it_is_called_off() -> None:
    life = Life()
    life.visit(stage_job("prepare"), running_pod("prepare"))
    life.asks(stop=True)
    assert isinstance(life.visit(stage_job("prepare"), running_pod("prepare"), now=1).standing, Leaving)
    assert life.visit(now=2).words == NOTHING


def test_a_new_run_that_is_to_stop_publishes_the_checkpoint_of_the_run_before() -> None:
    """Its first stage must be let through, or it would be made and ended for ever."""
    life = restarted()
    life.asks(stop=True)
    assert life.visit(now=5).actions == (CreateStage("prepare", 2),)
    checks = life.visit(*in_run(1, stage_job("prepare", 2), running_pod("prepare", 2)), now=6)
    assert isinstance(checks.standing, Underway)
    assert life.visit(*AGAIN, now=9).standing == Wanted("train", 2, None, finish=True)


def test_a_new_run_from_scratch_that_is_to_stop_has_nothing_to_publish() -> None:
    life = restarted()
    life.asks(restartFrom="scratch", stop=True)
    assert life.visit(now=5).words == NOTHING


def test_a_suspended_job_that_is_to_stop_waits_until_it_may_go_on() -> None:
    life = training()
    life.asks(suspend=True)
    life.visit(prepared(), stage_job(), running_pod(), now=1, beside=pushed(step=90, checkpoint_step=80))
    assert life.visit(prepared(), now=9).words == (Phase.SUSPENDED, Reason.SUSPENDED)
    life.asks(stop=True)
    assert life.visit(prepared(), now=10).words == (Phase.SUSPENDED, Reason.SUSPENDED)
    life.asks(suspend=False)
    assert life.visit(prepared(), now=11).actions == (CreateStage("train", 2, finish=True),)


def test_an_attempt_that_is_to_end_otherwise_hears_of_no_stop() -> None:
    life = training()
    life.asks(stop=True, suspend=True)
    seen = life.visit(prepared(), stage_job(), running_pod(), now=1)
    assert control_of(seen.view.job)["stop"] is False

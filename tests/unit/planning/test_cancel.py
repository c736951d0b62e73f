"""cancel: ended at once, nothing saved, nothing published, and for good."""

from __future__ import annotations

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.planning.decide import CANCEL_GRACE_SECONDS, CreateStage, Remove
from finetune_operator.planning.standing import CalledOff, Fenced, Leaving
from tests.unit.planning.scene import at, deleted, ended, in_run, prepared, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life

CANCELLED = (Phase.CANCELLED, Reason.CANCELLED)


def training() -> Life:
    """A job that trains."""
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    return life


def test_before_anything_was_created_it_is_over_once_that_was_listed() -> None:
    life = Life({"cancel": True})
    seen = life.visit()
    assert (seen.words, seen.actions, seen.must_list) == (CANCELLED, (), True)


def test_a_pod_is_given_little_time_and_never_none() -> None:
    life = training()
    life.asks(cancel=True)
    asked = life.visit(prepared(), stage_job(), running_pod(), now=10)
    assert (asked.actions, asked.words, asked.last.ends_for) == ((), (Phase.RUNNING, Reason.CANCELLED), "Cancelled")
    (action,) = life.visit(prepared(), stage_job(), running_pod(), now=11).actions
    assert isinstance(action, Remove)
    assert action.grace_seconds == CANCEL_GRACE_SECONDS == 5


def test_it_is_over_once_its_pods_are_gone() -> None:
    life = training()
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), running_pod(), now=10)
    ending = life.visit(prepared(), deleted(stage_job(), at(11)), deleted(running_pod(), at(16)), now=12)
    assert isinstance(ending.standing, Leaving)
    over = life.visit(prepared(), now=17)
    assert (over.words, over.must_list, over.last.outcome) == (CANCELLED, True, "Requested")
    assert (over.status.completion_time, over.status.result, over.status.failure) == (at(17), None, None)
    assert life.visit(prepared(), now=99).status == over.status


def test_it_is_not_over_while_a_pod_without_a_job_still_runs() -> None:
    life = training()
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), running_pod(), now=10)
    assert isinstance(life.visit(prepared(), deleted(running_pod(), at(130)), now=12).standing, Fenced)
    assert life.visit(prepared(), now=131).words == CANCELLED


def test_a_job_that_waits_in_the_queue_is_cancelled_too() -> None:
    life = Life()
    life.visit(prepared(), stage_job())
    life.asks(cancel=True)
    assert isinstance(life.visit(prepared(), stage_job(), now=1).standing, Leaving)
    assert life.visit(prepared(), now=2).words == CANCELLED


def test_between_two_attempts_nothing_follows() -> None:
    life = training()
    life.visit(prepared(), ended(code=1), now=1)
    life.asks(cancel=True)
    seen = life.visit(prepared(), ended(code=1), now=2)
    assert (seen.words, seen.actions, seen.must_list) == (CANCELLED, (), True)


def test_between_two_stages_nothing_follows() -> None:
    life = Life()
    life.visit(stage_job("prepare"), running_pod("prepare"))
    life.asks(cancel=True)
    assert life.visit(prepared(), now=2).words == CANCELLED


def test_a_suspended_job_is_over_at_once() -> None:
    life = training()
    life.asks(suspend=True)
    life.visit(prepared(), stage_job(), running_pod(), now=1)
    life.visit(prepared(), now=9)
    life.asks(cancel=True)
    assert isinstance(life.visit(prepared(), now=10).standing, CalledOff)


def test_a_trainer_that_was_done_before_it_heard_has_succeeded() -> None:
    life = training()
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), running_pod(), now=1)
    assert life.visit(prepared(), ended(message=verdict("completed")), now=2).words[0] == Phase.SUCCEEDED


def test_it_beats_stop_and_suspend() -> None:
    life = training()
    life.asks(cancel=True, stop=True, suspend=True)
    assert life.visit(prepared(), stage_job(), running_pod(), now=1).last.ends_for == "Cancelled"


def test_once_taken_back_a_new_run_may_follow() -> None:
    life = Life({"cancel": True})
    life.visit()
    life.asks(cancel=False)
    assert life.visit(now=5).words == CANCELLED
    life.asks(restartGeneration=1)
    assert life.visit(now=9).actions == (CreateStage("prepare", 1),)


def test_a_new_run_of_a_job_that_is_still_cancelled_is_cancelled() -> None:
    life = Life({"cancel": True})
    life.visit()
    life.asks(restartGeneration=1)
    assert life.visit(now=9).words == CANCELLED
    life.asks(restartGeneration=2)
    assert isinstance(life.visit(*in_run(2, stage_job("prepare"), running_pod("prepare")), now=10).standing, Leaving)

"""cancel: ended at once, nothing saved, nothing published, and for good."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CANCEL_GRACE_SECONDS, CreateStage, Remove
from finetune_operator.planning.standing import CalledOff, Fenced, Leaving
from tests.unit.planning.scene import at, deleted, ended, ended_pod, in_run, prepared, running_pod, stage_job, verdict
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


@pytest.mark.parametrize("wish", [{"suspend": True}, {"restartGeneration": 1}], ids=["a suspension", "a restart"])
def test_it_cuts_short_the_grace_of(wish: Json) -> None:
    life = training()
    life.asks(**wish)
    life.visit(prepared(), stage_job(), running_pod(), now=1)
    (plain,) = life.visit(prepared(), stage_job(), running_pod(), now=2).actions
    going = (deleted(stage_job(), at(2)), given(3600, deleted(running_pod(), at(3602))))
    life.asks(cancel=True)
    asked = life.visit(prepared(), *going, now=10)
    assert (asked.actions, asked.last.ends_for) == ((), "Cancelled")
    assert asked.last.message == "the pods get five seconds and need not save"
    (quick,) = life.visit(prepared(), *going, now=11).actions
    assert isinstance(plain, Remove)
    assert isinstance(quick, Remove)
    assert (plain.grace_seconds, quick.grace_seconds) == (None, CANCEL_GRACE_SECONDS)
    assert life.visit(prepared(), going[0], given(5, going[1]), now=12).actions == ()


def test_the_five_seconds_are_given_though_an_operator_died_between_the_job_and_its_pods() -> None:
    life = training()
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), running_pod(), now=10)
    (action,) = life.visit(prepared(), deleted(stage_job(), at(11)), running_pod(), now=12).actions
    assert isinstance(action, Remove)
    assert action.grace_seconds == CANCEL_GRACE_SECONDS


def test_a_sidecar_that_outlives_the_trainer_does_not_outlive_it() -> None:
    life, beside = training(), ended_pod(code=75, message=verdict("retry", code="Terminated"))
    beside["status"]["phase"] = "Running"
    life.visit(prepared(), stage_job(), beside, now=1)
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), beside, now=10)
    (action,) = life.visit(prepared(), stage_job(), beside, now=11).actions
    assert isinstance(action, Remove)
    assert life.visit(prepared(), now=20).words == CANCELLED


@pytest.mark.parametrize("wish", ["cancel", "suspend"])
def test_nothing_is_said_to_be_over_while_a_pod_of_a_job_that_somebody_deleted_saves(wish: str) -> None:
    life = training()
    life.visit(prepared(), now=1)
    life.visit(prepared(), stage_job(attempt=2), running_pod(attempt=2), now=2)
    life.asks(**{wish: True})
    saving = life.visit(prepared(), deleted(running_pod(attempt=2), at(100)), now=3)
    assert isinstance(saving.standing, Fenced)
    gone = life.visit(prepared(), now=101)
    assert gone.words[0] in {Phase.CANCELLED, Phase.SUSPENDED}


def given(seconds: int, body: Json) -> Json:
    """The pod as one that was told to end with so much time."""
    return {**body, "metadata": body["metadata"] | {"deletionGracePeriodSeconds": seconds}}


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

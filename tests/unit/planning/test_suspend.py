"""suspend: a checkpoint, then no pod and no hardware; false goes on from there."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.planning.decide import CreateStage, Remove
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.standing import Fenced, Held, Leaving, Underway
from tests.unit.planning.scene import (
    at,
    deleted,
    ended,
    ended_pod,
    pod,
    prepared,
    pushed,
    running_pod,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life, Visit

SAVED = verdict("retry", step=120, training_seconds=60)


def training() -> Life:
    """A job that trains."""
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    return life


def suspended(life: Life, *, now: float = 10) -> Visit:
    """The same, asked to suspend, and told so in its status."""
    life.asks(suspend=True)
    return life.visit(prepared(), stage_job(), running_pod(), now=now)


def test_before_anything_was_created_nothing_is() -> None:
    life = Life({"suspend": True})
    held = life.visit()
    assert (held.standing, held.actions, held.words) == (Held(), (), (Phase.SUSPENDED, Reason.SUSPENDED))
    assert held.status.message is not None
    assert held.status.message.startswith("nothing was created")
    assert (held.status.estimate, held.again) == (None, None)
    life.asks(suspend=False)
    assert life.visit(now=60).actions == (CreateStage("prepare", 1),)


def test_status_first_then_the_job() -> None:
    """An operator that ended in between must not take the end for an accident."""
    life = training()
    asked = suspended(life)
    assert (asked.actions, asked.words) == ((), (Phase.SUSPENDING, Reason.SUSPENDED))
    assert (asked.last.ends_for, asked.last.end_time, asked.again) == ("Suspended", None, 0.1)
    told = life.visit(prepared(), stage_job(), running_pod(), now=11)
    assert [(type(a), getattr(a, "grace_seconds", "")) for a in told.actions] == [(Remove, None)]
    assert told.status == asked.status


def test_what_is_going_is_told_to_go_once() -> None:
    life = training()
    suspended(life)
    going = deleted(stage_job(), at(12))
    seen = life.visit(prepared(), going, deleted(running_pod(), at(132)), now=13)
    assert (type(seen.standing), seen.actions, seen.words) == (
        Leaving,
        (),
        (Phase.SUSPENDING, Reason.SUSPENDED),
    )


def test_it_is_suspended_once_its_pods_are_gone_and_that_was_listed() -> None:
    life = training()
    suspended(life)
    gone = Beside(departed=(ended_pod(code=75, message=SAVED),))
    held = life.visit(prepared(), now=70, beside=gone)
    assert (held.standing, held.must_list, held.words) == (Held(begun=True), True, (Phase.SUSPENDED, Reason.SUSPENDED))
    assert (held.last.outcome, held.last.reason, held.last.checkpoint_step) == ("Requested", "Suspended", 120)
    assert held.last.message == "it retry"
    assert (held.status.retries, held.again) == (0, None)
    later = life.visit(prepared(), now=3600)
    assert (later.status, later.must_list) == (held.status, False)


def test_a_lost_verdict_loses_no_checkpoint_that_was_reported() -> None:
    life = training()
    life.visit(prepared(), stage_job(), running_pod(), beside=pushed(step=90, checkpoint_step=80))
    suspended(life)
    held = life.visit(prepared(), now=70)
    assert (held.standing, held.last.outcome, held.last.checkpoint_step) == (Held(begun=True), "Requested", 80)
    assert held.last.message is not None
    assert held.last.message.startswith("ended by the operator: ")


def test_while_a_pod_is_there_it_is_not_suspended() -> None:
    """Somebody deleted the Job without waiting for its pods."""
    life = training()
    suspended(life)
    seen = life.visit(prepared(), deleted(running_pod(), at(132)), now=13)
    assert isinstance(seen.standing, Fenced)
    assert seen.words == (Phase.PENDING, Reason.PODS_REMAIN)
    assert life.visit(prepared(), now=140).standing == Held(begun=True)


@pytest.mark.parametrize(
    "child",
    [pod("train"), pod("train", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])],
    ids=["starting", "queued"],
)
def test_what_has_not_trained_yet_is_ended_too(child: dict[str, object]) -> None:
    life = Life()
    life.visit(prepared(), stage_job(), child)
    life.asks(suspend=True)
    assert isinstance(life.visit(prepared(), stage_job(), child, now=1).standing, Leaving)
    held = life.visit(prepared(), now=2)
    assert (held.words, held.last.checkpoint_step) == ((Phase.SUSPENDED, Reason.SUSPENDED), None)
    assert held.status.usage is not None
    assert held.status.usage.gpu_seconds == 0


def test_the_check_of_the_data_is_ended_too_and_made_again() -> None:
    life = Life()
    life.visit(stage_job("prepare"), running_pod("prepare"))
    life.asks(suspend=True)
    life.visit(stage_job("prepare"), running_pod("prepare"), now=1)
    assert life.visit(now=5).words == (Phase.SUSPENDED, Reason.SUSPENDED)
    life.asks(suspend=False)
    assert life.visit(now=9).actions == (CreateStage("prepare", 2),)


def test_false_again_goes_on_at_once_and_costs_no_retry() -> None:
    life = training()
    suspended(life)
    life.visit(prepared(), now=70)
    life.asks(suspend=False)
    resumed = life.visit(prepared(), now=71)
    assert (resumed.actions, resumed.must_list, resumed.status.retries) == ((CreateStage("train", 2),), True, 0)
    again = life.visit(prepared(), stage_job(attempt=2), running_pod(attempt=2), now=80)
    assert again.words == (Phase.RUNNING, Reason.LOADING)


def test_false_while_its_pods_still_end_lets_them_end_and_goes_on() -> None:
    life = training()
    suspended(life)
    life.asks(suspend=False)
    ending = life.visit(prepared(), deleted(stage_job(), at(11)), deleted(running_pod(), at(131)), now=15)
    assert isinstance(ending.standing, Leaving)
    resumed = life.visit(prepared(), now=70)
    assert (resumed.actions, resumed.last.outcome) == ((CreateStage("train", 2),), "Requested")


def test_false_before_the_job_was_deleted_has_it_deleted_all_the_same() -> None:
    """The status says why it ends; whether it was already told so cannot be known."""
    life = training()
    suspended(life)
    life.asks(suspend=False)
    seen = life.visit(prepared(), stage_job(), running_pod(), now=11)
    assert [type(action) for action in seen.actions] == [Remove]


def test_a_trainer_that_was_done_before_it_heard_has_succeeded() -> None:
    life = training()
    suspended(life)
    done = life.visit(prepared(), ended(message=verdict("completed", step=400)), now=12)
    assert done.words == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert done.last.outcome == "Succeeded"


def test_a_trainer_that_was_refused_before_it_heard_has_failed() -> None:
    life = training()
    suspended(life)
    assert life.visit(prepared(), ended(code=64, message=verdict("userError")), now=12).words[0] == Phase.FAILED


def test_a_pod_that_ended_by_itself_is_heard_and_not_deleted() -> None:
    """Its last word comes with the end of its Job."""
    life = training()
    life.asks(suspend=True)
    seen = life.visit(prepared(), stage_job(), ended_pod(code=1), now=10)
    assert (type(seen.standing), seen.actions, seen.last.ends_for) == (Underway, (), None)
    held = life.visit(prepared(), ended(code=1), now=11)
    assert (held.words, held.last.outcome, held.status.retries) == ((Phase.SUSPENDED, Reason.SUSPENDED), "Error", 1)


def test_an_attempt_that_waits_for_its_turn_is_not_begun() -> None:
    life = training()
    assert life.visit(prepared(), ended(code=1), now=1).words == (Phase.PENDING, Reason.RETRYING)
    life.asks(suspend=True)
    assert life.visit(prepared(), ended(code=1), now=60).standing == Held(begun=True)


def test_a_node_that_does_not_answer_is_named_while_it_is_waited_for() -> None:
    life = training()
    suspended(life)
    lost = (prepared(), deleted(stage_job(), at(11)), deleted(running_pod(), at(20)))
    seen = life.visit(*lost, now=600)
    assert seen.words == (Phase.SUSPENDING, Reason.NODE_UNREACHABLE)
    back = life.visit(prepared(), deleted(stage_job(), at(11)), running_pod(), now=610)
    assert back.words == (Phase.SUSPENDING, Reason.SUSPENDED)
    assert back.status.message == "the attempt saves a checkpoint and ends, then the hardware is free"


def test_suspended_before_its_first_checkpoint_it_promises_none() -> None:
    life = training()
    suspended(life)
    held = life.visit(prepared(), now=20)
    assert held.words == (Phase.SUSPENDED, Reason.SUSPENDED)
    assert held.status.message == (
        "nothing runs and no hardware is held; there is no checkpoint yet: suspend: false begins the training at its start"
    )


def test_suspended_after_a_checkpoint_it_goes_on_from_that() -> None:
    life = training()
    suspended(life)
    held = life.visit(prepared(), ended(code=75, message=SAVED), now=20)
    assert held.status.message is not None
    assert held.status.message.endswith("suspend: false goes on from the newest checkpoint")

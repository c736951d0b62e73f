"""The Events of a transition, named after the write that they tell of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus, Unpublished
from finetune_operator.planning.manifests.event import WARNINGS, events_of
from tests.unit.planning.scene import NAME, NOW, UID, a_job, at, ended, prepared, scene, told


def status(phase: Phase, reason: Reason, message: str = "why") -> FineTuneJobStatus:
    """A status of that phase and reason."""
    return FineTuneJobStatus(phase=phase, reason=reason, message=message)


LOADING = status(Phase.RUNNING, Reason.LOADING)
TRAINING = status(Phase.RUNNING, Reason.TRAINING)


def step(old: FineTuneJobStatus | None, new: FineTuneJobStatus) -> Json:
    """The one Event of a step."""
    (event,) = events_of(a_job(status=old), new, NOW)
    return event


def test_a_transition_tells_what_whom_and_when() -> None:
    event = step(LOADING, TRAINING)
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Training", "Running: why")
    assert event["involvedObject"] == {
        "apiVersion": "finetune.dev/v1alpha1",
        "kind": "FineTuneJob",
        "namespace": "team-a",
        "name": NAME,
        "uid": UID,
    }
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-11-21T12:00:00Z"


def test_a_step_further_is_no_transition() -> None:
    assert events_of(a_job(status=TRAINING), status(Phase.RUNNING, Reason.TRAINING, "step 2"), NOW) == ()


def test_the_first_word_on_a_job_is_a_transition() -> None:
    assert step(None, status(Phase.VALIDATING, Reason.VALIDATING))["reason"] == "Validating"


def test_telling_it_twice_makes_one_event() -> None:
    assert step(LOADING, TRAINING) == step(LOADING, TRAINING)


def test_another_transition_has_another_name() -> None:
    done = status(Phase.SUCCEEDED, Reason.COMPLETED)
    assert step(LOADING, TRAINING)["metadata"]["name"] != step(LOADING, done)["metadata"]["name"]


@pytest.mark.parametrize("reason", WARNINGS)
def test_what_somebody_should_look_at_is_a_warning(reason: Reason) -> None:
    assert step(LOADING, status(Phase.PENDING, reason))["type"] == "Warning"


def test_a_failure_is_a_warning_whatever_its_reason() -> None:
    assert step(LOADING, status(Phase.FAILED, Reason.USER_ERROR))["type"] == "Warning"


def test_a_long_message_is_cut_to_what_an_event_holds() -> None:
    event = step(LOADING, status(Phase.QUEUED, Reason.UNSCHEDULABLE, "x" * 2048))
    assert len(event["message"]) == 1024


def test_an_attempt_that_went_wrong_is_told_once_and_by_an_event_of_its_own() -> None:
    failed = told(scene(a_job(), prepared(), ended(code=1, message="boom")))
    wrong, transition = events_of(a_job(), failed, NOW)
    assert (wrong["type"], wrong["reason"]) == ("Warning", "Error")
    assert wrong["message"] == "attempt 1 of train ended: exit code 1 (Error): boom"
    assert transition["reason"] == "Retrying"
    later = told(scene(a_job(status=failed), prepared(), ended(code=1, message="boom"), now=at(1)))
    assert events_of(a_job(status=failed), later, NOW) == ()


def test_two_attempts_that_ended_unseen_have_two_events() -> None:
    failed = told(scene(a_job(), prepared(), ended(code=1), ended(attempt=2, code=1)))
    names = [event["metadata"]["name"] for event in events_of(a_job(), failed, NOW)]
    assert len(set(names)) == len(names) == 3


def test_events_of_one_second_are_named_in_their_order() -> None:
    failed = told(scene(a_job(), prepared(), ended(code=1, message="boom")))
    first = step(None, LOADING)
    later = replace(a_job(status=LOADING), resource_version="1000")
    names = [event["metadata"]["name"] for event in (first, *events_of(later, failed, NOW))]
    assert len(names) == 3
    assert names == sorted(names)
    assert names[1:] == [event["metadata"]["name"] for event in events_of(later, failed, at(5))]


@pytest.mark.parametrize(
    ("start", "words"), [("checkpoint", "from the newest checkpoint"), ("scratch", "from the beginning")]
)
def test_a_run_that_begins_is_told_of_once(start: str, words: str) -> None:
    asked: Json = {"restartGeneration": 1, "restartFrom": start}
    again = scene(a_job(asked, FineTuneJobStatus(restart_generation=1)))
    begun = told(again)
    run, transition = events_of(again.job, begun, NOW)
    assert (run["reason"], run["message"]) == ("Restarted", f"run 1 begins, {words}")
    assert transition["reason"] == "Pending"
    assert [event["reason"] for event in events_of(a_job(asked, begun), TRAINING, NOW)] == ["Training"]


@pytest.mark.parametrize("trained", [False, True], ids=["before anything was created", "while it trained"])
def test_a_cancelled_job_is_called_so_once(trained: bool) -> None:  # noqa: FBT001 - a case of the test
    children = (prepared(), ended(code=75)) if trained else ()
    before = told(scene(a_job(), *children)) if trained else None
    new = told(scene(a_job({"cancel": True}, before), *children, now=at(1)))
    assert new.phase == Phase.CANCELLED
    event = step(before, new)
    assert event["message"].lower().count("cancelled") == 1


def test_a_run_that_goes_on_at_publishing_says_whose_model_it_publishes() -> None:
    waiting = Unpublished(run=0, reason="HoursExhausted", asked="0123456789abcdef")
    begun = FineTuneJobStatus(restart_generation=2, unpublished=waiting)
    run, _ = events_of(a_job({"restartGeneration": 2}, begun), status(Phase.PENDING, Reason.PENDING), NOW)
    assert (run["reason"], run["message"]) == ("Restarted", "run 2 begins, with publishing what run 0 trained")

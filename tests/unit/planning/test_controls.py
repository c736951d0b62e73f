"""What a user asks of a job before it began, and that what takes effect is not warned of."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.rejection import Rejection
from tests.unit.planning.scene import (
    NOW,
    a_job,
    at,
    ended,
    prepared,
    running_pod,
    scene,
    stage_job,
    told,
    verdict,
)

UNKNOWN = Rejection(Reason.UNKNOWN_INSTANCE_TYPE, "no InstanceType is named 'x'", "spec.instanceType", may_mend=True)
CONTROLS: dict[str, object] = {
    "stop": True,
    "suspend": True,
    "cancel": True,
    "restartGeneration": 1,
    "maxCost": 5,
    "startDeadlineSeconds": 60,
    "stallTimeoutSeconds": 60,
    "childrenTTLSecondsAfterFinished": 60,
}
"""What takes effect on a job that goes on."""


def words(status: FineTuneJobStatus) -> tuple[Phase | None, str | None]:
    """Where a job is, and why."""
    return status.phase, status.reason


def conditions(status: FineTuneJobStatus) -> dict[str, str]:
    """The conditions that are not False."""
    return {each.type: each.status for each in status.conditions if each.status != "False"}


@pytest.mark.parametrize(("field", "value"), CONTROLS.items(), ids=CONTROLS)
def test_what_takes_effect_is_not_warned_of(field: str, value: object) -> None:
    assert told(scene(a_job({field: value}))).warnings == ()
    children = (prepared(), stage_job(), running_pod())
    assert told(scene(a_job({field: value}, told(scene(a_job(), *children))), *children)).warnings == ()


def test_a_job_that_is_suspended_before_it_began_is_held_with_its_plan() -> None:
    held = told(scene(a_job({"suspend": True})))
    assert words(held) == (Phase.SUSPENDED, Reason.SUSPENDED)
    assert held.resolved is not None
    assert conditions(held) == {"Validated": "Unknown", "Suspended": "True", "Reconciling": "True"}
    assert told(scene(a_job({"suspend": True}, held))) == held
    assert words(told(scene(a_job(status=held)))) == (Phase.PENDING, Reason.PENDING)


def test_a_job_that_is_cancelled_before_it_began_is_over() -> None:
    over = told(scene(a_job({"cancel": True})))
    assert words(over) == (Phase.CANCELLED, Reason.CANCELLED)
    assert over.completion_time == NOW
    assert conditions(over) == {"Validated": "Unknown", "Failed": "True", "Stalled": "True"}
    assert told(scene(a_job(status=over))) == over


def test_a_job_that_waits_for_what_it_names_can_be_cancelled() -> None:
    assert words(told(scene(a_job({"cancel": True})), UNKNOWN)) == (Phase.CANCELLED, Reason.CANCELLED)


def test_a_refused_job_is_read_again_when_its_restart_generation_is_raised() -> None:
    refused = told(scene(a_job(), now=at(60)), UNKNOWN)
    assert words(refused) == (Phase.FAILED, Reason.UNKNOWN_INSTANCE_TYPE)
    again = told(scene(a_job({"restartGeneration": 1}, refused), now=at(90)))
    assert (words(again), again.restart_generation) == ((Phase.PENDING, Reason.PENDING), 1)
    assert (again.failure, again.completion_time, again.warnings) == (None, None, ())
    # The same apply may bring what is missing, for a new run as for a new job.
    waiting = told(scene(a_job({"restartGeneration": 1}, refused), now=at(90)), UNKNOWN)
    assert words(waiting) == (Phase.PENDING, Reason.UNKNOWN_INSTANCE_TYPE)
    refused_again = told(scene(a_job({"restartGeneration": 1}, waiting), now=at(100)), UNKNOWN)
    assert told(scene(a_job({"restartGeneration": 1}, refused_again), now=at(120))) == refused_again


def test_a_job_that_the_data_refused_is_read_again_when_its_restart_generation_is_raised() -> None:
    over = told(scene(a_job(), ended("prepare", code=64, message=verdict("userError", stage="prepare"))))
    assert over.phase == Phase.FAILED
    again = told(scene(a_job({"restartGeneration": 1}, over)))
    assert (words(again), again.failure) == ((Phase.PENDING, Reason.PENDING), None)

"""The conditions follow from the rest of the status, and kstatus reads them as it reads a Job's."""

from __future__ import annotations

import pytest

from finetune_operator.api.condition import Condition
from finetune_operator.api.conditions import ConditionType, Phase, Reason
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.conditions import observed_again, with_conditions
from tests.unit.planning.scene import NOW, at

NOTHING = FineTuneJobStatus()

KSTATUS = {
    Phase.PENDING: ("True", "False", "False"),
    Phase.VALIDATING: ("True", "False", "False"),
    Phase.QUEUED: ("True", "False", "False"),
    Phase.STARTING: ("True", "False", "False"),
    Phase.RUNNING: ("False", "False", "True"),
    Phase.SUSPENDING: ("True", "False", "False"),
    Phase.PUBLISHING: ("True", "False", "False"),
    Phase.SUCCEEDED: ("False", "False", "True"),
    Phase.SUSPENDED: ("True", "False", "False"),
    Phase.FAILED: ("False", "True", "False"),
    Phase.CANCELLED: ("False", "True", "False"),
}


def status(phase: Phase, reason: Reason = Reason.PENDING, message: str = "why") -> FineTuneJobStatus:
    """A status of that phase."""
    return FineTuneJobStatus(phase=phase, reason=reason, message=message, observed_generation=3)


def by_type(status: FineTuneJobStatus) -> dict[str, Condition]:
    """Its conditions by type."""
    return {each.type: each for each in status.conditions}


@pytest.mark.parametrize(
    "reason", [Reason.UNKNOWN_MODEL, Reason.DOES_NOT_FIT, Reason.INVALID_SPEC, Reason.INVALID_DATASET]
)
def test_a_spec_that_was_refused_is_not_valid(reason: Reason) -> None:
    found = by_type(with_conditions(status(Phase.FAILED, reason), NOTHING, NOW))
    assert (found["Validated"].status, found["Validated"].message) == ("False", "why")


def test_what_the_administrator_lacks_says_nothing_of_the_spec() -> None:
    found = by_type(with_conditions(status(Phase.PENDING, Reason.NO_TRAINER_IMAGE), NOTHING, NOW))
    assert found["Validated"].status == "Unknown"


def test_the_table_knows_every_phase() -> None:
    assert set(KSTATUS) == set(Phase)


@pytest.mark.parametrize(("phase", "truths"), KSTATUS.items())
def test_reconciling_stalled_and_ready_in_phase(phase: Phase, truths: tuple[str, str, str]) -> None:
    found = by_type(with_conditions(status(phase), NOTHING, NOW))
    assert tuple(found[name].status for name in ("Reconciling", "Stalled", "Ready")) == truths


@pytest.mark.parametrize("phase", Phase)
def test_every_type_is_always_there_with_reason_and_generation(phase: Phase) -> None:
    found = with_conditions(status(phase), NOTHING, NOW).conditions
    assert [each.type for each in found] == list(ConditionType)
    assert all(each.reason and each.observed_generation == 3 for each in found)


@pytest.mark.parametrize(
    ("phase", "held"),
    [(Phase.SUCCEEDED, "Complete"), (Phase.FAILED, "Failed"), (Phase.RUNNING, "Running")],
)
def test_one_condition_is_the_jobs_own_word_for(phase: Phase, held: str) -> None:
    found = by_type(with_conditions(status(phase), NOTHING, NOW))
    assert [name for name in ("Running", "Complete", "Failed") if found[name].status == "True"] == [held]


def test_a_transition_time_changes_with_the_status_only() -> None:
    first = with_conditions(status(Phase.PENDING), NOTHING, NOW)
    second = with_conditions(status(Phase.RUNNING), first, at(60))
    found = by_type(second)
    assert found["Running"].last_transition_time == at(60)
    assert found["Reconciling"].last_transition_time == at(60)
    assert found["Complete"].last_transition_time == NOW


def test_the_message_is_said_where_tools_read_it_and_not_seven_times() -> None:
    found = by_type(with_conditions(status(Phase.FAILED), NOTHING, NOW))
    assert {name for name, each in found.items() if each.message} == {"Failed", "Stalled", "Ready"}


def test_counting_steps_does_not_change_a_condition() -> None:
    first = with_conditions(status(Phase.RUNNING, Reason.TRAINING, "step 1"), NOTHING, NOW)
    second = with_conditions(status(Phase.RUNNING, Reason.TRAINING, "step 2"), first, at(60))
    assert first.conditions == second.conditions


def test_an_edit_of_an_ended_job_is_seen_by_status_and_conditions_and_changes_nothing_else() -> None:
    """Kubectl wait passes over a condition of an older generation."""
    old = with_conditions(status(Phase.SUCCEEDED, Reason.COMPLETED), NOTHING, NOW)
    new = observed_again(old, 4)
    assert new.observed_generation == 4
    assert {each.observed_generation for each in new.conditions} == {4}
    assert [each.last_transition_time for each in new.conditions] == [
        each.last_transition_time for each in old.conditions
    ]

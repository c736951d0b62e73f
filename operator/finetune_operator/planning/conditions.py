"""The conditions of a job, derived from the rest of its status; a transition time changes with the status only.

kstatus's three follow its treatment of a Job: Reconciling until it runs, Ready from then on, Stalled once it failed
or was cancelled. What is held back reconciles: it has not begun.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from finetune_operator.api.condition import Condition
from finetune_operator.api.conditions import ConditionType, Phase, Reason
from finetune_operator.api.status import Attempt, FineTuneJobStatus

Truth = Literal["True", "False", "Unknown"]

STARTED = frozenset({Phase.RUNNING, Phase.SUCCEEDED})
UNSUCCESSFUL = frozenset({Phase.FAILED, Phase.CANCELLED})
SETTLED = STARTED | UNSUCCESSFUL
REFUSED: Final = frozenset(
    {
        Reason.INVALID_SPEC,
        Reason.UNKNOWN_INSTANCE_TYPE,
        Reason.UNKNOWN_MODEL,
        Reason.DOES_NOT_FIT,
        Reason.INVALID_DATASET,
    }
)
"""Reasons that find fault with the spec itself; that an image is missing is the administrator's."""
LONGEST_MESSAGE: Final = 256
"""Three conditions may say it beside the status itself, and the resource stays below ten kilobytes."""


def with_conditions(status: FineTuneJobStatus, old: FineTuneJobStatus, now: datetime) -> FineTuneJobStatus:
    """The status with its conditions."""
    before = {condition.type: condition for condition in old.conditions}
    conditions = tuple(
        _condition(type_, truth, status, before.get(type_), now) for type_, truth in _truths(status).items()
    )
    return status.model_copy(update={"conditions": conditions})


def observed_again(status: FineTuneJobStatus, generation: int) -> FineTuneJobStatus:
    """A terminal status after an edit of the spec: seen, and nothing follows."""
    conditions = tuple(c.model_copy(update={"observed_generation": generation}) for c in status.conditions)
    return status.model_copy(update={"observed_generation": generation, "conditions": conditions})


def _truths(status: FineTuneJobStatus) -> dict[ConditionType, Truth]:
    phase = status.phase
    return {
        ConditionType.VALIDATED: _validated(status),
        ConditionType.RUNNING: _truth(phase == Phase.RUNNING),
        ConditionType.COMPLETE: _truth(phase == Phase.SUCCEEDED),
        ConditionType.FAILED: _truth(phase in UNSUCCESSFUL),
        ConditionType.SUSPENDED: _truth(phase == Phase.SUSPENDED),
        ConditionType.STEP_STALLED: _truth(_step_stalled(status)),
        ConditionType.RECONCILING: _truth(phase not in SETTLED),
        ConditionType.STALLED: _truth(phase in UNSUCCESSFUL),
        ConditionType.READY: _truth(phase in STARTED),
    }


def _step_stalled(status: FineTuneJobStatus) -> bool:
    """From the end of an attempt that gave no sign of life until the next one trains, or the job has ended."""
    trained = [attempt for attempt in _own(status) if attempt.stage == "train"]
    told = bool(trained) and Reason.STEP_STALLED in {trained[-1].reason, trained[-1].ends_for}
    before = len(trained) > 1 and trained[-2].reason == Reason.STEP_STALLED and trained[-1].end_time is None
    return status.phase not in SETTLED - {Phase.RUNNING} and (told or (before and status.reason != Reason.TRAINING))


def _validated(status: FineTuneJobStatus) -> Truth:
    """True once data and model were checked, False once spec, data or model were refused."""
    own = _own(status)
    prepared = {attempt.outcome for attempt in own if attempt.stage == "prepare"}
    if "Succeeded" in prepared or any(attempt.stage != "prepare" for attempt in own):
        return "True"
    return "False" if status.reason in REFUSED or "UserError" in prepared else "Unknown"


def _condition(
    type_: ConditionType, truth: Truth, status: FineTuneJobStatus, before: Condition | None, now: datetime
) -> Condition:
    unchanged = before is not None and before.status == truth
    validated = type_ == ConditionType.VALIDATED and truth == "True"
    return Condition(
        type=type_,
        status=truth,
        reason=Reason.VALIDATED if validated else (status.reason or Reason.PENDING),
        message=(status.message or "")[:LONGEST_MESSAGE] if _tells(type_, truth, status) else "",
        last_transition_time=before.last_transition_time if unchanged and before else now,
        observed_generation=status.observed_generation,
    )


def _own(status: FineTuneJobStatus) -> list[Attempt]:
    """The attempts of the present run."""
    return [attempt for attempt in status.attempts if attempt.run == (status.restart_generation or 0)]


def _tells(type_: ConditionType, truth: Truth, status: FineTuneJobStatus) -> bool:
    """Whether the condition repeats the message: where tools read it, and not while it changes with every step."""
    if status.phase == Phase.RUNNING or (type_ == ConditionType.VALIDATED and truth != "False"):
        return False
    return type_ == ConditionType.READY or truth == ("False" if type_ == ConditionType.VALIDATED else "True")


def _truth(value: bool) -> Truth:  # noqa: FBT001 - a predicate's result, nothing to configure
    return "True" if value else "False"

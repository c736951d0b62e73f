"""What to say of an object that the schema let through and the models refuse: of a newer schema, or of a gap in ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from finetune_operator.api.conditions import TERMINAL_PHASES, Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import Failure, FineTuneJobStatus
from finetune_operator.planning.conditions import with_conditions

LONGEST_VALUE: Final = 64
SKEW_TYPES: Final = frozenset({"literal_error", "enum"})
"""A word that is not known may be one of a newer version, whose definitions were installed before its operator."""
SKEW_ADVICE: Final = "If the CustomResourceDefinitions are newer than the operator, update the operator."


@dataclass(frozen=True)
class Fault:
    """The first thing that the models refuse. ``field`` is its path, ``words`` say what was given and what is allowed."""

    field: str
    words: str
    may_be_newer: bool


def first_fault(error: ValidationError, root: str = "spec") -> Fault:
    """The first of the faults, in words."""
    fault = error.errors(include_url=False)[0]
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    given = repr(fault["input"])
    shown = given if len(given) <= LONGEST_VALUE else f"{given[:LONGEST_VALUE]}…"
    return Fault(root + "".join(parts), f"{fault['msg']}; given: {shown}", fault["type"] in SKEW_TYPES)


def unreadable_status(body: Json, error: ValidationError, now: datetime) -> Json | None:
    """The status of a FineTuneJob whose spec cannot be read; None when there is nothing to say.

    What may be a matter of versions waits, and so does a job that has begun: its children go on. Else it has failed.
    """
    try:
        old = FineTuneJobStatus.model_validate(body.get("status") or {})
    except ValidationError:
        return None  # a newer operator wrote it: what it says must stay
    if old.phase in TERMINAL_PHASES:
        return None
    fault = first_fault(error)
    waits = fault.may_be_newer or bool(old.attempts)
    status = _waiting(old, fault) if waits else _failed(old, fault, now)
    generation = body["metadata"].get("generation", 1)
    return with_conditions(status.model_copy(update={"observed_generation": generation}), old, now).wire()


def _waiting(old: FineTuneJobStatus, fault: Fault) -> FineTuneJobStatus:
    message = f"{fault.field}: {fault.words}. {SKEW_ADVICE}"
    update = {"phase": old.phase or Phase.PENDING, "reason": Reason.INVALID_SPEC, "message": message[:2048]}
    return old.model_copy(update=update)


def _failed(old: FineTuneJobStatus, fault: Fault, now: datetime) -> FineTuneJobStatus:
    message = f"{fault.field}: {fault.words}"
    failure = Failure(
        cause="User", code=Reason.INVALID_SPEC, message=message[:1024], param=fault.field[:253], advice=SKEW_ADVICE
    )
    update = {
        "phase": Phase.FAILED,
        "reason": Reason.INVALID_SPEC,
        "message": message[:2048],
        "completion_time": now,
        "failure": failure,
    }
    return old.model_copy(update=update)

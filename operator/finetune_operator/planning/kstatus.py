"""The three conditions that tools read of objects that are no jobs: Ready, Reconciling and Stalled, as kstatus has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from finetune_operator.api.condition import Condition

Health = Literal["Ready", "Reconciling", "Stalled"]

TYPES: Final[tuple[Health, ...]] = ("Ready", "Reconciling", "Stalled")
LONGEST_MESSAGE: Final = 1024


@dataclass(frozen=True)
class Word:
    """How an object is, and why: one word and one sentence. Exactly the condition of ``health`` is true."""

    health: Health
    reason: str
    message: str = ""


def conditions_of(word: Word, generation: int, old: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    """The conditions; a transition time changes with the status only."""
    before = {condition.type: condition for condition in old}
    return tuple(_condition(type_, word, generation, before.get(type_), now) for type_ in TYPES)


def _condition(type_: Health, word: Word, generation: int, before: Condition | None, now: datetime) -> Condition:
    truth: Literal["True", "False"] = "True" if type_ == word.health else "False"
    since = before.last_transition_time if before is not None and before.status == truth else now
    return Condition(
        type=type_,
        status=truth,
        reason=word.reason,
        # Ready is what kubectl get shows; the other two repeat it where they are what a tool waits for.
        message=word.message[:LONGEST_MESSAGE] if truth == "True" or type_ == "Ready" else "",
        last_transition_time=since,
        observed_generation=generation,
    )

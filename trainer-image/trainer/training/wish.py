"""What each process of a training wishes at the end of a step, as numbers, and what all of them then do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.training.clock import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.training.course import StopReason

REASONS: Final[tuple[StopReason, ...]] = ("go on", "deadline", "stopped", "terminated")
"""That one process may have alone. The later one wins when processes differ: it leaves less time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one process, and after agreement every process, does, and by which reading of the clock."""

    stop: StopReason
    save: bool
    reading: Reading


def vote(wish: Wish, *, first: bool) -> tuple[float, ...]:
    """A process's wish as numbers that are not negative; of each place the greatest over all processes counts.

    The first process alone hears the operator and keeps the ledger, so only its clock, budget and saves count. Any
    process may have been asked to end.
    """
    if first:
        return (float(REASONS.index(wish.stop)), float(wish.save), wish.reading.seconds, wish.reading.budget)
    asked = "terminated" if wish.stop == "terminated" else "go on"
    return (float(REASONS.index(asked)), 0.0, 0.0, 0.0)


def decided(votes: Sequence[float]) -> Wish:
    """What all processes do, from the greatest votes."""
    stop, save, seconds, budget = votes
    return Wish(stop=REASONS[int(stop)], save=bool(save), reading=Reading(seconds, budget))

"""The clock of `hours`: training seconds from the first step on, over all attempts, against a budget that may grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows at one moment: seconds used by all attempts, and the budget."""

    seconds: float
    budget: float

    @property
    def share(self) -> float:
        """Of the budget that is used; 1 and more when it is used up."""
        return self.seconds / self.budget

    @property
    def used_up(self) -> bool:
        """Whether the budget is."""
        return self.seconds >= self.budget


class TrainingClock:
    """Counts from `start` to `stop`, on top of what earlier attempts used.

    `monotonic` is a clock in seconds that never steps back.
    """

    def __init__(self, used_before: float, budget: float, monotonic: Callable[[], float]) -> None:
        self.budget = budget
        self._used = used_before
        self._monotonic = monotonic
        self._since: float | None = None

    def start(self) -> None:
        """Begin to count; without effect while it counts."""
        if self._since is None:
            self._since = self._monotonic()

    def stop(self) -> None:
        """Cease to count."""
        self._used = self.seconds
        self._since = None

    def follow(self, reading: Reading) -> None:
        """Show from now on what another clock showed a moment ago."""
        self.budget = reading.budget
        self._used = reading.seconds
        self._since = None if self._since is None else self._monotonic()

    @property
    def reading(self) -> Reading:
        """Seconds and budget of this moment."""
        return Reading(self.seconds, self.budget)

    @property
    def seconds(self) -> float:
        """Used by all attempts up to now."""
        return self._used + (self._monotonic() - self._since if self._since is not None else 0.0)

"""How many steps a training's hours hold, as measured, and when that is worth a line in the log. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST: Final = 20
"""Steps of an attempt that are measured before anything is said: the first ones load and compile."""
MOVED: Final = 0.1
"""Part by which an estimate must have moved to be told again."""
MOST_TOLD: Final = 6
"""Lines of an attempt."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """`left` steps of `pace` seconds fit into the `seconds` that remain; with those made they are `steps`."""

    steps: int
    left: int
    pace: float
    seconds: float

    @property
    def sentence(self) -> str:
        """For the log."""
        hours = f"{self.seconds / 3600:.3g} hours"
        return (
            f"about {self.left} steps fit into the remaining {hours} at {self.pace:.3g} s per step, {self.steps} in all"
        )


def fitting(step: int, made: int, used: float, seconds: float) -> Fitting | None:
    """After `step`, of which this attempt `made` some in `used` seconds, with `seconds` remaining; None: too early to say."""
    if made < FIRST or used <= 0:
        return None
    pace, remaining = used / made, max(0.0, seconds)
    left = int(remaining / pace)
    return Fitting(step + left, left, pace, remaining)


def is_news(told: Sequence[int], steps: int) -> bool:
    """Whether to tell that there will be so many `steps`, after what was `told` already."""
    if not told:
        return True
    return len(told) < MOST_TOLD and abs(steps - told[-1]) > MOVED * told[-1]


def measured_pace(metrics: Sequence[Mapping[str, object]]) -> float | None:
    """Seconds of a step over all attempts, from the lines of metrics.jsonl; None when no two steps of one were logged."""
    seconds = steps = 0.0
    before: dict[object, tuple[float, float]] = {}
    for line in metrics:
        step, now, attempt = line.get("step"), line.get("trainingSeconds"), line.get("attempt")
        if "loss" not in line or not isinstance(step, int | float) or not isinstance(now, int | float):
            continue
        # A pod that took an attempt over begins again some steps before.
        if attempt in before and step > before[attempt][0]:
            steps += step - before[attempt][0]
            seconds += now - before[attempt][1]
        before[attempt] = (step, now)
    return seconds / steps if steps > 0 else None

"""How fast a training is: seconds per step, smoothed, as far as its reports tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from finetune_operator.planning.progress import Progress

PACE_SECONDS: Final = 180.0
"""Time constant of the smoothed pace: an evaluation shows in it, and is forgotten."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds and steps seen so far, older ones with less weight; at the start the plain mean of all."""

    seconds: float = 0.0
    steps: float = 0.0

    def after(self, seconds: float, steps: int) -> Pace:
        """The pace after so much more time and so many more steps."""
        kept = math.exp(-seconds / PACE_SECONDS)
        return Pace(self.seconds * kept + seconds, self.steps * kept + steps)

    @property
    def seconds_per_step(self) -> float | None:
        """None until a step was timed."""
        return self.seconds / self.steps if self.steps > 0 and self.seconds > 0 else None


def pace_with(pace: Pace, before: Progress | None, after: Progress) -> Pace:
    """The pace with one more report; a new pod starts anew: it may run on other hardware, and has loading behind it."""
    if before is None or before.pod_uid != after.pod_uid:
        return Pace()
    if before.step == 0:
        # Loading and compiling come before the first step and would be taken for slow steps.
        return Pace()
    return pace.after(_seconds_between(before, after), after.step - before.step)


def _seconds_between(before: Progress, after: Progress) -> float:
    """Training time where both tell it, which pauses do not count in; else our clock, which may have been stepped."""
    if before.training_seconds is not None and after.training_seconds is not None:
        return max(0.0, after.training_seconds - before.training_seconds)
    return max(0.0, (after.received_at - before.received_at).total_seconds())

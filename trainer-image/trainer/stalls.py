"""Whether a training has stalled: no sign of life for longer than its activity may take. No I/O, no clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import Interrupted
from trainer.signs import Sign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.progress import Activity

STALLED: Final = "Stalled"
PATIENCE_BETWEEN_STEPS: Final = 3.0
"""Times the limit of a step: loading, evaluations, saves and finishing may take longer."""
STACK: Final = "(most recent call first):"
"""How faulthandler begins the stack of a thread."""
LONGEST_LOOK: Final = 5.0
"""Seconds from one look to the next that count: a pod that was frozen meanwhile has not stalled."""
DOING: Final[Mapping[Activity, str]] = {
    "loading": "while model and data were loaded",
    "step": "after step {step}",
    "evaluation": "in the evaluation after step {step}",
    "save": "while the checkpoint of step {step} was saved",
    "finishing": "while the model was finished",
}


class StallWatch:
    """Looks at the signs of a pod's processes again and again. `limit`: seconds without a step; None: never stalled."""

    def __init__(self, limit: float | None, now: float) -> None:
        self._limit = limit
        self._seen: dict[str, Sign] = {}
        self._looked_at = now
        self._still = 0.0

    def look(self, signs: Mapping[str, Sign], now: float) -> Interrupted | None:
        """How the attempt ends when it has stalled, at `now` in seconds of a clock that never steps back; else None."""
        passed, self._looked_at = min(now - self._looked_at, LONGEST_LOOK), now
        if dict(signs) != self._seen:
            self._seen, self._still = dict(signs), 0.0
            return None
        self._still += passed
        sign = next(iter(self._seen.values()), Sign())
        if self._limit is None or self._still < patience(sign.activity, self._limit):
            return None
        return Interrupted(
            STALLED,
            f"no sign of life for {self._still:.0f} s {DOING[sign.activity].format(step=sign.step)}: the training hangs;"
            " the log has the stacks of all processes",
        )


def innermost_frames(lines: Sequence[str], most: int) -> Sequence[str]:
    """Where the main thread hangs: of the stacks at the end of a log its is the last, and begins with the newest call."""
    starts = [index for index, line in enumerate(lines) if STACK in line]
    return lines[starts[-1] : starts[-1] + most] if starts else lines[-most:]


def patience(activity: Activity, limit: float) -> float:
    """Seconds that an activity may go without a sign of life."""
    return limit if activity == "step" else PATIENCE_BETWEEN_STEPS * limit

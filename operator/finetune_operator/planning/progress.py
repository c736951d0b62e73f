"""What a running trainer last said of itself. It tells how far the training is, never how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

Activity = Literal["loading", "step", "evaluation", "save", "finishing"]
Level = Literal["debug", "info", "warning", "error"]

MOST_LOG_LINES: Final = 50
"""Of one report."""
LONGEST_LOG_MESSAGE: Final = 512


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint that is there. ``path`` is relative to the workspace and stays inside of it."""

    step: int
    attempt: int
    path: str
    time: datetime | None = None
    """When it was complete, by the pod's clock, in whole seconds."""
    training_seconds: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Finite values only, at most four."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the trainer's output: at most 512 printable characters. ``timestamp`` is by the pod's clock."""

    timestamp: datetime
    level: Level
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest accepted report of one attempt.

    Times are seconds of training; ``received_at`` is our own clock, so that a pod's clock decides nothing. A reporter
    that does not speak our contract gives only step, total, epoch and metrics; all else stays None.
    """

    attempt: int
    pod_uid: str
    step: int
    """Optimizer steps done."""
    received_at: datetime
    """When the trainer was last heard: the sign of life. What is told here may be a little older, see ``as_of``."""
    activity: Activity = "step"
    total_steps: int | None = None
    epoch: float | None = None
    total_epochs: float | None = None
    training_seconds: float | None = None
    """Over all attempts of the run: what ``hours`` limits."""
    wasted_seconds: float | None = None
    """Of ``training_seconds``, what was lost with attempts that were killed."""
    trained_tokens: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Finite values only; at most 64 names of at most 64 characters."""
    checkpoint_step: int | None = None
    """Step of the newest complete checkpoint."""
    checkpoints: tuple[Checkpoint, ...] | None = None
    """All complete checkpoints that are there, at most eight, oldest first; None from whom does not tell."""
    log_lines: tuple[LogLine, ...] = ()
    """New lines, oldest first. They are for the job's log and are not held with the report."""
    seconds_per_step: float | None = None
    """The recent pace, smoothed over some minutes; evaluations and saves between the steps are counted in."""
    told_at: datetime | None = None
    """When the report came that all this is taken from, where that was before ``received_at``: a status is not written
    for each report."""

    @property
    def as_of(self) -> datetime:
        """When what is told here was so."""
        return self.told_at or self.received_at


def moved(progress: Progress, shift: timedelta) -> Progress:
    """The same report by a clock that was set by so much."""
    told_at = progress.told_at + shift if progress.told_at else None
    return replace(progress, received_at=progress.received_at + shift, told_at=told_at) if shift else progress

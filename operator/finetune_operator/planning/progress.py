"""What a running trainer last said of itself. It tells how far the training is, never how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Activity = Literal["loading", "step", "evaluation", "save", "finishing"]


@dataclass(frozen=True)
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
    activity: Activity = "step"
    total_steps: int | None = None
    epoch: float | None = None
    total_epochs: float | None = None
    training_seconds: float | None = None
    """Over all attempts: what ``hours`` limits."""
    trained_tokens: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Finite values only; at most 64 names of at most 64 characters."""
    checkpoint_step: int | None = None
    """Step of the newest complete checkpoint."""
    seconds_per_step: float | None = None
    """The recent pace, smoothed over some minutes; evaluations and saves between the steps are counted in."""

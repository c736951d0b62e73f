"""What the probes are told: whether the operator lives, and whether it is of use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from finetune_operator.reconciler.metrics import Metrics
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.workers import Workers

STUCK_SECONDS: Final = 600.0


class Stage(StrEnum):
    """Where the operator is in its life."""

    STANDBY = "standby"
    LISTING = "listing"
    LEADING = "leading"


@dataclass
class Vitals:
    """The state that probes see; the one who walks the operator through its life keeps it true."""

    metrics: Metrics
    queue: WorkQueue
    stage: Stage = Stage.STANDBY
    workers: Workers | None = None

    def alive(self) -> str | None:
        """Stuck workers; a stuck event loop shows itself by not answering."""
        if self.workers is None or self.queue.oldest_age < STUCK_SECONDS:
            return None
        idle = time.monotonic() - self.workers.last_end
        return None if idle < STUCK_SECONDS else f"keys wait, and no reconcile has ended for {idle:.0f} s"

    def ready(self) -> str | None:
        """A standby is ready to take over; a leader once it knows the cluster."""
        return "listing the cluster" if self.stage is Stage.LISTING else None

    def exposition(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return self.metrics.exposition()

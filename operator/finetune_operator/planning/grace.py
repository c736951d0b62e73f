"""How long a pod may take to end once it is told to: for training, a step and a checkpoint."""

from __future__ import annotations

import math
from typing import Final

from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Stage
from finetune_operator.planning.sizing.storage import checkpoint_bytes

WITHOUT_SAVING: Final = 10
"""Seconds for a stage that has nothing to save."""
LEAST: Final = 120
"""Seconds for training: also for a model of which nothing is known."""
STEP: Final = 60
"""Seconds to finish the step, and for what is no checkpoint."""
BYTES_PER_SECOND: Final = 200_000_000
"""What a network file system takes from one writer, at the slow end; a local disk takes several times that."""
DOUBT: Final = 2
"""Others write too when a node is drained."""


def grace_seconds(stage: Stage, resolved: Resolved) -> int:
    """Seconds between SIGTERM and SIGKILL: twice the time that its checkpoint is predicted to take, and a minute."""
    if stage != "train":
        return WITHOUT_SAVING
    return max(LEAST, math.ceil(DOUBT * (checkpoint_bytes(resolved) or 0) / BYTES_PER_SECOND) + STEP)

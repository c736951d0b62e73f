"""How an administrator has the stages of a job run; recorded with the job, so that a change concerns later ones only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Staging:
    """Which stages have a Job of their own, and which wait in the job's queue."""

    folded: bool = False
    """The training itself checks model and data, for clusters whose volumes cannot be moved between pods. What depends on
    the data is then chosen without having seen it."""
    queue_cpu: bool = False
    """Stages on CPU wait in the queue too."""


AS_DESIGNED: Final = Staging()

"""How an administrator has the stages of a job run; recorded with the job, so that a change concerns later ones only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STAGE_LIMIT_HOURS: Final = 12.0
"""A terabyte at 25 MB/s. A stage that is tried again goes on with what was fetched before."""


@dataclass(frozen=True)
class Staging:
    """Which stages have a Job of their own, and which wait in the job's queue."""

    folded: bool = False
    """The training itself checks model and data, for clusters whose volumes cannot be moved between pods. What depends on
    the data is then chosen without having seen it."""
    queue_cpu: bool = False
    """Stages on CPU wait in the queue too."""
    limit_hours: float = STAGE_LIMIT_HOURS
    """How long a stage on CPU may run."""


AS_DESIGNED: Final = Staging()

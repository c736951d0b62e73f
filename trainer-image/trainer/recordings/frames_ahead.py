"""How much of a pod's memory decoded frames take that wait for the training: fetched ahead by processes of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.recordings.room import shown_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.recordings.recording import Recording

BATCHES: Final = 4
"""That LeRobot 0.6.1 lets each fetching process have ready, its `prefetch_factor`."""
PLACES: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of cgroup v2 and v1, as a container sees its own."""
MOST: Final = 1 << 60
"""A limit above this is none."""
SHARE: Final = 0.5
"""Of the limit, above which frames leave little for the policy's own weights and the libraries."""


@dataclass(frozen=True, slots=True)
class FramesAhead:
    """`workers` fetch for each of a pod's `processes` batches of `rows` frames; a frame has `frame_bytes` in all cameras."""

    frame_bytes: int
    rows: int
    workers: int
    processes: int

    @property
    def batch_bytes(self) -> int:
        """Of one batch of one process."""
        return self.rows * self.frame_bytes

    @property
    def held_bytes(self) -> int:
        """All that is ready at once in a pod, and the batch that each process works on."""
        return self.processes * (self.workers * BATCHES + 1) * self.batch_bytes

    def told(self, limit: int | None) -> str:
        """A line with the numbers; `limit` is the pod's memory in bytes, None when there is none."""
        of = f"; this pod may use {shown_bytes(limit)}" if limit is not None else ""
        return (
            f"host memory: up to {shown_bytes(self.held_bytes)} of decoded frames ({self.processes} x {self.workers} workers"
            f" x {BATCHES} batches of {self.rows} frames, {shown_bytes(self.frame_bytes)} each){of}"
        )

    def warning(self, limit: int | None) -> str:
        """What to do when they will hardly fit; empty when they do."""
        if limit is None or self.held_bytes <= SHARE * limit:
            return ""
        return (
            f"decoded frames may take {shown_bytes(self.held_bytes)} of the pod's {shown_bytes(limit)} of memory: lower"
            " hyperparameters.extra.num_workers or batchSize, or choose an instance type with more memory"
        )


def frame_bytes(recording: Recording) -> int:
    """Of one moment in all cameras as LeRobot decodes it: a byte a colour from videos, four from pictures in tables."""
    cameras = (each for each in recording.features.values() if each.is_camera)
    return sum(math.prod(each.shape) * (1 if each.dtype == "video" else 4) for each in cameras)


def memory_limit(places: Iterable[Path] = PLACES) -> int | None:
    """The memory that this pod may use, in bytes; None when there is no limit, or none can be read."""
    for place in places:
        try:
            limit = int(place.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        if limit < MOST:
            return limit
    return None

"""What becomes of simulated pods, said by labels that the job's podTemplate puts on them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

PREFIX: Final = "simulated.test"
"""Of our labels. A pod without them completes, after the world's usual time."""
SECONDS_LABEL: Final = f"{PREFIX}/train-seconds"


class Fate(StrEnum):
    """How a pod ends when its time is over. Pods of other stages know some of them; what they do not know is completed."""

    COMPLETED = "completed"
    FAILED = "failed"
    """Exit 1: may be tried again, counts against the backoff limit."""
    USER_ERROR = "user-error"
    """Exit 64: the data or a parameter is to blame."""
    OUT_OF_MEMORY = "out-of-memory"
    """Killed by the kernel: exit 137, OOMKilled, no verdict."""
    EVICTED = "evicted"
    """By the kubelet, for the node's sake: DisruptionTarget."""
    RETRY = "retry"
    """Exit 75: ended by a signal, its checkpoint is complete."""
    GPU_OUT_OF_MEMORY = "gpu-out-of-memory"
    """Exit 66."""
    STALLED = "stalled"
    """Exit 75 by the trainer's own watchdog."""
    DEADLINE = "deadline"
    """Exit 0: the budget is used up, the model is finished."""
    STOPPED = "stopped"
    """Exit 0: asked to stop, the model is finished."""


PLATFORM: Final = (Fate.EVICTED, Fate.RETRY, Fate.STALLED)
"""What a job survives by another attempt."""


@dataclass(frozen=True)
class Plan:
    """The fates of one job's pods: by stage and attempt, ``completed`` where none is named.

    ``seconds``: how long each of its training pods runs; the world's usual time when absent.
    """

    fates: Mapping[tuple[str, int], Fate] = field(default_factory=dict)
    seconds: float | None = None

    def labels(self) -> dict[str, str]:
        """For ``spec.podTemplate.labels`` of the job: at most 16 with those of others."""
        marks = {f"{PREFIX}/{stage}-{attempt}": str(fate) for (stage, attempt), fate in self.fates.items()}
        return marks if self.seconds is None else {**marks, SECONDS_LABEL: f"{round(self.seconds * 1000)}ms"}


def draw(source: random.Random, share: float, attempts: int = 2) -> Plan:
    """A plan by chance: each of the first so many attempts at training is ended by the platform with this probability.

    ``source`` decides: the same seed, the same fates. After those attempts the job completes; a third in a row that
    ends without a checkpoint would fail it.
    """
    numbers = range(1, attempts + 1)
    return Plan({("train", number): source.choice(PLATFORM) for number in numbers if source.random() < share})

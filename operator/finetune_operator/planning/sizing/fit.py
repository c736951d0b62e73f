"""Whether a training fits into the memory of its GPUs, with which micro-batch, and what would make it fit."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_operator.api.status import Fit
from finetune_operator.planning.sizing.training import Training


@dataclass(frozen=True)
class Sized:
    """The answer: ``fit`` goes into ``status.resolved``.

    ``micro_batch`` is the rows that one GPU holds at once; the rest of its share is accumulated (family trl) or there
    is no rest (robot policies). ``advice`` is the smallest single change that makes it fit; None when it fits.
    """

    fit: Fit
    micro_batch: int
    advice: str | None = None

    @property
    def fits(self) -> bool:
        """Whether one GPU has what it must hold."""
        return self.fit.bytes_per_gpu <= self.fit.available_bytes


def size(training: Training) -> Sized | None:
    """How a training fits; None where nothing is known: on CPU, GPU memory or the model's architecture not in the catalog."""
    raise NotImplementedError(training)

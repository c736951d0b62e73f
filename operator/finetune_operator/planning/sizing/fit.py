"""Whether a training fits into the memory of its GPUs, with which micro-batch, and what would make it fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.basemodel import MeasuredMemory
from finetune_operator.api.resolved import Fit
from finetune_operator.planning.quantity import byte_count
from finetune_operator.planning.sizing import advice, words
from finetune_operator.planning.sizing.language import LanguageModel, language_model
from finetune_operator.planning.sizing.load import Load, load_of, with_rows
from finetune_operator.planning.sizing.memory import Memory, memory_of
from finetune_operator.planning.sizing.training import Training

MOST_ROWS: Final = 8
"""Rows of a language model that one GPU holds at once; more of them make no GPU faster."""
ROOM: Final = 0.9
"""Of the memory, for more than one row at once: the formula may be under by a tenth, and accumulating costs little."""


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
    """How a training fits; None where nothing is known.

    That is on CPU, and where the catalog says neither a GPU's memory nor the model's architecture or measured memory.
    """
    available = training.gpu_bytes
    if available is None:
        return None
    if training.model.memory is not None:
        return _policy(training, training.model.memory, available)
    model = language_model(training.model)
    return _language(training, model, available) if model else None


def micro_batches(rows_per_gpu: int) -> Iterator[int]:
    """Rows that a GPU may hold at once, the most first: powers of two that divide its share of the batch."""
    size = MOST_ROWS
    while size >= 1:
        if rows_per_gpu % size == 0:
            yield size
        size //= 2


def heaviest(training: Training, model: LanguageModel) -> tuple[Load, Memory]:
    """With as many rows at once as fit, else with one; with the most where a GPU's memory is not known."""
    share, available = training.rows_per_gpu, training.gpu_bytes
    load = load_of(training, model)
    for rows in micro_batches(share):
        load = with_rows(load, rows, share)
        memory = memory_of(load)
        if available is None or memory.total <= available * (ROOM if rows > 1 else 1):
            break
    return load, memory


def _language(training: Training, model: LanguageModel, available: int) -> Sized:
    load, memory = heaviest(training, model)
    message = words.language_memory(load, memory, available)
    fit = Fit(bytes_per_gpu=memory.total, available_bytes=available, message=message)
    return Sized(fit, load.rows, None if memory.total <= available else advice.for_language(training, model, available))


def _policy(training: Training, measured: MeasuredMemory, available: int) -> Sized:
    """Measured figures; a robot policy's trainer cannot accumulate, so its whole share of the batch must fit."""
    rows = training.rows_per_gpu
    fixed, per_row = byte_count(measured.fixed), byte_count(measured.per_row)
    needed = fixed + rows * per_row
    message = words.policy_memory(training, measured, (needed, available))
    fit = Fit(bytes_per_gpu=needed, available_bytes=available, message=message)
    return Sized(fit, rows, None if needed <= available else advice.for_policy(training, (fixed, per_row), available))

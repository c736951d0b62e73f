"""What does not fit: the smallest single change that makes it fit, as a sentence."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Final

from finetune_operator.api.finetunejob.hyperparameters import LARGEST_BATCH
from finetune_operator.api.resolved import ResolvedHyperparameters
from finetune_operator.planning.sizing.language import LanguageModel
from finetune_operator.planning.sizing.load import Load, load_of, with_rows
from finetune_operator.planning.sizing.memory import GIB, memory_of
from finetune_operator.planning.sizing.training import Training

SHORTEST_ROW: Final = 256
"""Tokens; nobody is advised to train on less."""
MOST_GPUS: Final = 64


def for_language(training: Training, model: LanguageModel, available: int) -> str:
    """The first of: rows up to a half shorter, 4-bit weights, LoRA, still shorter rows; else hardware.

    A smaller batch is no change: rows are accumulated, and one row at a time has been tried already.
    """
    load = _smallest(training, model)
    given = training.hyperparameters
    length = _longest_that_fits(load, available)
    shorter = f"set hyperparameters.contextLength to {length}, now {load.row_tokens}" if length else None
    if length and length * 2 >= load.row_tokens:
        return f"{shorter}; or {_hardware(load, available)}"
    if given.lora.enabled and given.quantization == "none" and _fits(training, model, available, _quantized(given)):
        return f"set hyperparameters.quantization to nf4; or {_hardware(load, available)}"
    if not given.lora.enabled and _fits(training, model, available, _adapted(given)):
        return f"set hyperparameters.lora.enabled to true; or {_hardware(load, available)}"
    return f"{shorter}; or {_hardware(load, available)}" if shorter else _hardware(load, available)


def for_policy(training: Training, fixed_and_per_row: tuple[int, int], available: int) -> str:
    """A smaller batch where one row fits, else hardware."""
    fixed, per_row = fixed_and_per_row
    needed = fixed + training.rows_per_gpu * per_row
    larger = f"choose an instance type whose GPUs have at least {-(-needed // GIB)}Gi"
    rows = (available - fixed) // max(1, per_row)
    if rows < 1:
        return larger
    gpus = max(1, training.gpus)
    return f"set hyperparameters.batchSize to {min(LARGEST_BATCH, rows * gpus)}, now {training.rows_per_gpu * gpus}; or {larger}"


def _smallest(training: Training, model: LanguageModel) -> Load:
    return with_rows(load_of(training, model), 1, training.rows_per_gpu)


def _fits(training: Training, model: LanguageModel, available: int, changed: ResolvedHyperparameters) -> bool:
    return memory_of(_smallest(replace(training, hyperparameters=changed), model)).total <= available


def _quantized(given: ResolvedHyperparameters) -> ResolvedHyperparameters:
    return given.model_copy(update={"quantization": "nf4"})


def _adapted(given: ResolvedHyperparameters) -> ResolvedHyperparameters:
    return given.model_copy(update={"lora": given.lora.model_copy(update={"enabled": True})})


def _longest_that_fits(load: Load, available: int) -> int | None:
    """Tokens of the longest row that fits, in steps of 256; None when not even the shortest does."""
    most = (load.row_tokens - 1) // SHORTEST_ROW
    # Longer rows never need less, so the lengths that do not fit are all at the end.
    steps = bisect_right(
        range(1, most + 1),
        available,
        key=lambda count: memory_of(replace(load, row_tokens=count * SHORTEST_ROW)).total,
    )
    return steps * SHORTEST_ROW or None


def _hardware(load: Load, available: int) -> str:
    """GPUs with more memory, or more of the same."""
    larger = f"choose an instance type whose GPUs have at least {-(-memory_of(load).total // GIB)}Gi"
    count = load.shards * 2
    while count <= MOST_GPUS:
        if memory_of(replace(load, shards=count)).total <= available:
            return f"{larger}, or {count} GPUs like these"
        count *= 2
    return larger

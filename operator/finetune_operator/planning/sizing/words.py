"""The arithmetic of memory, as a sentence for people."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.basemodel import MeasuredMemory
from finetune_operator.planning.sizing.load import Load
from finetune_operator.planning.sizing.memory import GIB, Memory
from finetune_operator.planning.sizing.training import Training

SMALLEST_SHOWN: Final = 0.05
"""GiB; parts below it are left out."""


def gib(count: float) -> str:
    """Bytes as GiB: ``22.6 GiB``."""
    return f"{count / GIB:.1f} GiB"


def counted(number: float) -> str:
    """A large number as it is said: ``8.0 billion``."""
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{number / size:.1f} {name}"
    return f"{number:,.0f}"


def figures(number: float) -> str:
    """A number with two figures, and all of those before the point: ``0.17``, ``8.2``, ``128``."""
    return f"{number:.0f}" if number >= 100 else f"{number:.2g}"  # noqa: PLR2004 - three figures are whole


def plural(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def language_memory(load: Load, memory: Memory, available: int) -> str:
    """What one GPU holds of a language-model training, part by part."""
    parts = {
        f"weights ({_weights(load)}{_shared(load)})": memory.weights,
        f"gradients ({counted(load.trained)} x {load.widths.gradient:g} bytes{_shared(load)})": memory.gradients,
        f"AdamW ({counted(load.trained)} x {load.widths.optimizer:g} bytes{_shared(load)})": memory.optimizer,
        "the reference model": memory.reference,
        "weights gathered or cast": memory.gathered,
        f"activations ({counted(load.tokens)} tokens, recomputed block by block)": memory.activations,
        "loss": memory.loss,
        "lost between allocations": memory.allocator,
        "CUDA": memory.context,
    }
    shown = [f"{name} {count / GIB:.1f}" for name, count in parts.items() if count >= SMALLEST_SHOWN * GIB]
    rows = f"{plural(load.rows, 'row')} of {load.row_tokens} tokens at once"
    if load.sequences_per_row > 1:
        rows = f"{plural(load.rows, 'pair')} of {load.row_tokens} tokens each at once"
    total = f"{gib(memory.total)} of the {gib(available)} of a GPU"
    return f"{_method(load)}, {rows}: {' + '.join(shown)} = {total}"


def policy_memory(training: Training, measured: MeasuredMemory, bytes_needed_and_available: tuple[int, int]) -> str:
    """What one GPU holds of a robot policy's training, from the catalog's figures."""
    needed, available = bytes_needed_and_available
    share = f"{measured.fixed} and {plural(training.rows_per_gpu, 'row')} x {measured.per_row}"
    source = f" (the catalog's figures: {measured.source})" if measured.source else ""
    return f"{training.model.type}: {share} = {gib(needed)} of the {gib(available)} of a GPU{source}"


def _method(load: Load) -> str:
    if load.adapter is None:
        return "training of all weights"
    return f"{'4-bit ' if load.widths.frozen < 1 else ''}LoRA of rank {load.adapter.rank}"


def _weights(load: Load) -> str:
    if load.adapter is None:
        return f"{counted(load.model.parameters)} x {load.widths.trained:g} bytes"
    frozen = f"{counted(load.model.parameters)} x {load.widths.frozen:.3g} bytes"
    return f"{frozen}, adapters {counted(load.trained)} x {load.widths.trained:g}"


def _shared(load: Load) -> str:
    return f" / {load.shards} GPUs" if load.shards > 1 else ""

"""What one GPU holds while a language model is trained, as the trainer of family trl does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.planning.sizing.language import LanguageModel
from finetune_operator.planning.sizing.training import Training

LONGEST_BY_DEFAULT: Final = 4096
"""Tokens of a row when the job does not say; a model's own limit may be lower."""
NF4_BYTES: Final = 0.5 + 1 / 64 + 1 / 2048
"""A 4-bit weight with its scale: one byte for 64 weights, and a scale of the scales for 256 blocks of them."""


@dataclass(frozen=True)
class Widths:
    """Bytes of a number, by what it is for. The defaults are those of a LoRA training on bf16 weights."""

    frozen: float = 2
    """A weight that is not trained."""
    trained: float = 4
    """A weight that is."""
    gradient: float = 4
    """Its gradient."""
    optimizer: float = 8
    """AdamW's two moments of it."""
    computed: int = 2
    """An activation."""
    residual: int = 2
    """The stream that runs from block to block."""
    outside: int = 2
    """A weight that is not trained and no linear layer of a block: of embedding, head or experts, never in 4 bits."""


@dataclass(frozen=True)
class Adapter:
    """Low-rank matrices beside frozen weights."""

    rank: int
    targets: tuple[str, ...] = ()
    """Names of linear layers; none: all of them."""


@dataclass(frozen=True)
class Load:
    """One GPU's part of a training.

    ``shards`` GPUs share weights, gradients and optimizer (FSDP, full shard). ``tiled_head`` says that the loss is
    computed in tiles (TRL since 1.16) and logits never exist as a whole; published figures of older trainings have it
    false.
    """

    model: LanguageModel
    adapter: Adapter | None
    widths: Widths
    rows: int
    row_tokens: int
    sequences_per_row: int = 1
    reference_model: bool = False
    accumulates: bool = False
    shards: int = 1
    checkpointing: bool = True
    tiled_head: bool = True

    @property
    def tokens(self) -> int:
        """Tokens that pass through the model at once."""
        return self.rows * self.sequences_per_row * self.row_tokens

    @property
    def trained(self) -> int:
        """Weights that are trained."""
        if self.adapter is None:
            return self.model.parameters
        return self.model.adapter(self.adapter.rank, self.adapter.targets)


def load_of(training: Training, model: LanguageModel) -> Load:
    """The load with one row at a time.

    More than one GPU always share the weights; a full DPO holds a second model, an adapter is its own reference when
    it is switched off.
    """
    given = training.hyperparameters
    preference = training.job_type == "dpo"
    lora = given.lora
    return Load(
        model=model,
        adapter=Adapter(lora.rank, lora.target_modules) if lora.enabled else None,
        widths=_widths(training),
        rows=1,
        row_tokens=row_tokens(training),
        sequences_per_row=2 if preference else 1,
        reference_model=preference and not lora.enabled,
        accumulates=training.rows_per_gpu > 1,
        shards=max(1, training.gpus),
    )


def with_rows(load: Load, rows: int, rows_per_gpu: int) -> Load:
    """The same with this many rows at a time, of all that fall to a GPU."""
    return replace(load, rows=rows, accumulates=rows_per_gpu > rows)


def row_tokens(training: Training) -> int:
    """Tokens of the longest row: what is allowed, or what the data has if that is less and rows are not packed."""
    given = training.hyperparameters
    most = training.model.max_sequence_length or LONGEST_BY_DEFAULT
    allowed = min(given.context_length or LONGEST_BY_DEFAULT, most)
    if given.packing or training.longest_row_tokens is None:
        return allowed
    return max(1, min(allowed, training.longest_row_tokens))


def _widths(training: Training) -> Widths:
    """Full training keeps fp32 weights and computes in bf16; a frozen half is bf16, or nf4."""
    given = training.hyperparameters
    computed = 4 if given.precision == "fp32" else 2
    if given.lora.enabled:
        frozen = NF4_BYTES if given.quantization == "nf4" else computed
        return Widths(frozen=frozen, computed=computed, residual=computed, outside=computed)
    # One GPU casts weights when it multiplies, and what is added up between blocks stays fp32; FSDP casts whole blocks.
    return Widths(frozen=4, computed=computed, residual=4 if training.gpus <= 1 else computed)

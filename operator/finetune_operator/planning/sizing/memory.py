"""GPU memory of a language-model training: one formula, in parts that can be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from finetune_operator.planning.sizing.load import Load

GIB: Final = 2**30
CONTEXT: Final = GIB
"""The CUDA context with the kernels of torch and its libraries; outside the allocator."""
COLLECTIVES: Final = GIB
"""Buffers of NCCL when GPUs work together; outside the allocator."""
FRAGMENTATION: Final = 0.1
"""Of what comes and goes in a step: memory that the allocator holds and cannot give."""
HEAD_TOKENS: Final = 4096
HEAD_WORDS: Final = 32768
"""A tile of the loss: tokens times words of the vocabulary."""
LOGIT_BYTES: Final = 16
"""Of each logit when they are kept as a whole: the fp32 copy that is handed out, the logarithms of the probabilities and
the gradients of both, 4 bytes each."""


@dataclass(frozen=True)
class Memory:
    """Bytes that one GPU must hold at the worst moment of a step."""

    weights: int
    gradients: int
    optimizer: int
    reference: int
    """The second model of a full DPO."""
    gathered: int
    """Weights that are whole for a moment: of the blocks in use, collected from all GPUs, or cast to bf16."""
    activations: int
    loss: int
    allocator: int
    """What is lost between the pieces."""
    context: int

    @property
    def total(self) -> int:
        """All parts."""
        states = self.weights + self.gradients + self.optimizer + self.reference
        return states + self.gathered + self.activations + self.loss + self.allocator + self.context

    @property
    def allocated(self) -> int:
        """What torch itself counts as its peak: without the context and without what its allocator cannot use."""
        return self.total - self.context - self.allocator


def memory_of(load: Load) -> Memory:
    """Bytes on one GPU, by what they are for.

    The loss and the recomputation of one block never need their memory at once: the larger of the two counts.
    """
    widths, trained = load.widths, load.trained
    model_bytes = _model_bytes(load)
    kept, block = _activations(load)
    loss = max(0, _loss(load) - block)
    gathered = _gathered(load)
    moving = kept + block + loss + gathered
    return Memory(
        weights=int((model_bytes + (trained * widths.trained if load.adapter else 0)) / load.shards),
        gradients=int(trained * widths.gradient / load.shards),
        optimizer=int(trained * widths.optimizer / load.shards),
        reference=int(model_bytes / load.shards) if load.reference_model else 0,
        gathered=gathered,
        activations=kept + block,
        loss=loss,
        allocator=int(moving * FRAGMENTATION),
        context=CONTEXT + (COLLECTIVES if load.shards > 1 else 0),
    )


def _model_bytes(load: Load) -> float:
    """The model itself, adapters not counted."""
    widths, model = load.widths, load.model
    if load.adapter is None:
        return model.parameters * widths.trained
    return model.linear * widths.frozen + (model.parameters - model.linear) * widths.outside


def _activations(load: Load) -> tuple[int, int]:
    """Bytes of what is kept of all blocks, and of what one block needs on top while it goes backward."""
    model, widths = load.model, load.widths
    shape = model.architecture
    hidden, inner = shape.hidden_size, shape.intermediate_size
    # Two norms, each with an fp32 copy of its input, its result and the input of what follows; what is added up.
    numbers = 4 * hidden + 2 * hidden
    # Queries, keys and values before and after the rotation, and the result of the attention; then gate, up,
    # activation and product.
    numbers += 4 * (model.queries + model.keys) + 4 * inner
    if load.adapter:
        numbers += model.adapter_inputs(load.adapter.targets)
    saved = load.tokens * (widths.computed * numbers + 2 * 4 * hidden)
    gradients = load.tokens * widths.computed * (3 * inner + 2 * hidden)
    if load.checkpointing:
        return load.tokens * shape.layers * hidden * widths.residual, saved + gradients
    return shape.layers * saved, gradients


def _loss(load: Load) -> int:
    """Bytes between the last block and the loss."""
    shape = load.model.architecture
    if not load.tiled_head:
        return load.tokens * shape.vocabulary_size * LOGIT_BYTES
    tile = min(load.tokens, HEAD_TOKENS) * min(shape.vocabulary_size, HEAD_WORDS) * load.widths.computed
    # The gradient of the last hidden state is gathered in fp32, and that of the head's weights if they are trained.
    states = load.tokens * shape.hidden_size * (4 + load.widths.computed)
    return tile + states + (4 * load.model.embedding if load.adapter is None else 0)


def _gathered(load: Load) -> int:
    """Bytes of weights that are whole for a moment."""
    model, widths = load.model, load.widths
    full = load.adapter is None
    if load.shards == 1:
        if full:
            casts = widths.trained > widths.computed and load.accumulates
            return model.parameters * widths.computed if casts else 0
        # A quantized layer is unpacked when it is used.
        shape = model.architecture
        return 2 * shape.hidden_size * shape.intermediate_size * widths.computed if widths.frozen < 1 else 0
    width = widths.computed if full else widths.frozen
    # The block in use and the one that is fetched meanwhile; embedding and head stay from forward to backward.
    blocks = 2 * model.block * (width + (widths.computed if full else 0))
    return int(blocks + model.outside * (widths.computed + (widths.gradient if full else 0)))

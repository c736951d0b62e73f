"""A language model's sizes, as memory and computation are reckoned from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from finetune_operator.api.basemodel import Architecture, BaseModelSpec


@dataclass(frozen=True)
class LanguageModel:
    """A decoder of equal blocks between an embedding and a head.

    ``active`` counts the weights that a token passes through; it is ``parameters`` but for a mixture of experts.
    """

    parameters: int
    active: int
    architecture: Architecture

    @cached_property
    def queries(self) -> int:
        """Width of all queries of a block together."""
        return self.architecture.attention_heads * self._head_size

    @cached_property
    def keys(self) -> int:
        """Width of all keys of a block together; values are as wide."""
        return self.architecture.key_value_heads * self._head_size

    @cached_property
    def attention(self) -> int:
        """Weights of one block's attention."""
        return 2 * self.architecture.hidden_size * (self.queries + self.keys)

    @cached_property
    def active_block(self) -> int:
        """Weights of one block that a token passes through: attention and a gated inner layer."""
        return self.attention + 3 * self.architecture.hidden_size * self.architecture.intermediate_size

    @cached_property
    def embedding(self) -> int:
        """Weights of the embedding; a head that is not tied to it has as many."""
        return self.architecture.vocabulary_size * self.architecture.hidden_size

    @cached_property
    def outside(self) -> int:
        """Weights of embedding and head together: what the blocks do not account for, once if tied, else twice."""
        rest = self.active - self.architecture.layers * self.active_block
        return min(max(rest, self.embedding), 2 * self.embedding, self.parameters)

    @cached_property
    def block(self) -> int:
        """Weights of one block, all experts included."""
        return (self.parameters - self.outside) // self.architecture.layers

    @cached_property
    def linear(self) -> int:
        """Weights that can be kept in 4 bits: those of linear layers. Experts are none to transformers 5."""
        return self.architecture.layers * (self.attention if self._is_mixture else self.block)

    def adapter(self, rank: int, targets: tuple[str, ...]) -> int:
        """Weights of low-rank adapters on these linear layers of every block; no names: on all of them."""
        widths = self._linear_widths
        # A name that is not known is taken for the widest layer: rather too much than too little.
        widest = max(widths.values())
        return self.architecture.layers * rank * sum(widths.get(name, widest) for name in targets or self._all_linear)

    def adapter_inputs(self, targets: tuple[str, ...]) -> int:
        """Width of what adapters of one block keep for the backward pass: the inputs of their linear layers."""
        hidden, inner = self.architecture.hidden_size, self.architecture.intermediate_size
        widths = {"o_proj": self.queries, "down_proj": inner}
        return sum(widths.get(name, hidden) for name in targets or self._all_linear)

    @cached_property
    def _linear_widths(self) -> dict[str, int]:
        """Input and output width of each linear layer of a block, added up, as Llama and its kin name them."""
        hidden, inner = self.architecture.hidden_size, self.architecture.intermediate_size
        return {
            "q_proj": hidden + self.queries,
            "k_proj": hidden + self.keys,
            "v_proj": hidden + self.keys,
            "o_proj": self.queries + hidden,
            "gate_proj": hidden + inner,
            "up_proj": hidden + inner,
            "down_proj": inner + hidden,
        }

    @cached_property
    def _all_linear(self) -> tuple[str, ...]:
        names = tuple(self._linear_widths)
        return names[:4] if self._is_mixture else names

    @cached_property
    def _is_mixture(self) -> bool:
        return self.active < self.parameters

    @cached_property
    def _head_size(self) -> int:
        shape = self.architecture
        return shape.head_size or shape.hidden_size // shape.attention_heads


def language_model(spec: BaseModelSpec) -> LanguageModel | None:
    """The sizes of a catalog entry; None when the catalog does not say them."""
    return language_model_of(spec.parameters, spec.active_parameters, spec.architecture)


def language_model_of(
    parameters: int | None, active: int | None, architecture: Architecture | None
) -> LanguageModel | None:
    """The same of figures that were recorded."""
    if parameters is None or architecture is None:
        return None
    return _language_model(parameters, active or parameters, architecture)


@lru_cache(maxsize=1024)
def _language_model(parameters: int, active: int, architecture: Architecture) -> LanguageModel:
    """Kept, with all that is derived from it: many jobs tune the same few models."""
    return LanguageModel(parameters, active, architecture)

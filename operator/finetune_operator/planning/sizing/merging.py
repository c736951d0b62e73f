"""Memory of the stage that merges an adapter into its base model on CPU."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.resolved import Resolved

BYTES_PER_PARAMETER: Final = 2
"""Weights are merged as they are published: in bf16."""
COPIES: Final = 1.25
"""The model, and the layer that is being merged."""
PROGRAM_MEBIBYTES: Final = 2048
"""Python, torch and the tokenizer."""


def merging_memory(resolved: Resolved) -> str | None:
    """What the pod gets, as a Kubernetes quantity; None where the size of the model is not known."""
    parameters = resolved.model.parameters if resolved.model else None
    if not parameters:
        return None
    weights = parameters * BYTES_PER_PARAMETER * COPIES / 2**20
    return f"{round(weights) + PROGRAM_MEBIBYTES}Mi"

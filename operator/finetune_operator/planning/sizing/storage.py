"""What the claim of a job must hold: checkpoints, the one that is being written, the finished model, and what is fetched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.finetunejob.training import Checkpoints
from finetune_operator.api.resolved import Resolved, ResolvedHyperparameters, ResolvedModel
from finetune_operator.planning.quantity import byte_count
from finetune_operator.planning.sizing.fetching import brought
from finetune_operator.planning.sizing.language import language_model_of
from finetune_operator.planning.sizing.words import counted

GIB: Final = 2**30
LEAST: Final = 10
"""GiB of every claim, and of one that nothing is known of: logs, metrics and tokenizers are small."""
STATE_BYTES: Final = 12
"""Of a weight that is trained, in a checkpoint: itself and AdamW's two moments, all fp32."""
WEIGHT_BYTES: Final = 4
"""Of a weight that was trained, in the finished model."""
ROOM: Final = 1.1
"""What a file system keeps for itself, and what lies beside the weights."""
ADAPTER_SHARE: Final = 0.001
"""Of the weights, for each rank, where the architecture is not known: adapters of small models are about as large."""


@dataclass(frozen=True)
class Storage:
    """The size of a claim in GiB, and how it comes about; no words where nothing is known."""

    gibibytes: int
    words: str | None = None

    @property
    def quantity(self) -> str:
        """As a claim asks for it: ``114Gi``."""
        return f"{self.gibibytes}Gi"


def storage_of(spec: FineTuneJobSpec, resolved: Resolved) -> Storage:
    """What the claim needs, in whole GiB and at least LEAST."""
    model, other = resolved.model, brought(spec, resolved)
    if model is None or model.parameters is None:
        size = LEAST + math.ceil(other.bytes * ROOM / GIB)
        return Storage(size, f"{LEAST} GiB and {other.words}, and a tenth: {size}Gi" if other.bytes else None)
    trained = _trained(model, model.parameters, resolved.hyperparameters)
    checkpoints, finished = _checkpoints(spec), _finished(spec, resolved, trained)
    needed = trained * STATE_BYTES * checkpoints + finished + other.bytes
    size = max(LEAST, math.ceil(needed * ROOM / GIB))
    also = f", and {other.words}" if other.bytes else ""
    words = (
        f"{counted(trained)} trained weights x {STATE_BYTES} bytes x {checkpoints} checkpoints, one of them being written, "
        f"and {finished / GIB:.1f} GiB for the finished model{also}, and a tenth: {size}Gi; at least {LEAST}Gi"
    )
    return Storage(size, words)


def checkpoint_bytes(resolved: Resolved) -> int | None:
    """Of one checkpoint; None where nothing is known of the model."""
    model = resolved.model
    if model is None or model.parameters is None:
        return None
    return _trained(model, model.parameters, resolved.hyperparameters) * STATE_BYTES


def too_small(spec: FineTuneJobSpec, resolved: Resolved) -> tuple[str, ...]:
    """A warning when the claim that was asked for is smaller than what it will hold; below LEAST nobody counts."""
    given, needed = spec.output.storage_size if spec.output else None, storage_of(spec, resolved)
    if given is None or needed.gibibytes <= LEAST or byte_count(given) >= needed.gibibytes * GIB:
        return ()
    return (f"spec.output.storageSize: {given} will not do: {needed.words}",)


def _trained(model: ResolvedModel, parameters: int, given: ResolvedHyperparameters) -> int:
    if not given.lora.enabled:
        return parameters
    language = language_model_of(parameters, model.active_parameters, model.architecture)
    if language is None:
        return min(parameters, math.ceil(parameters * ADAPTER_SHARE * given.lora.rank))
    return language.adapter(given.lora.rank, given.lora.target_modules)


def _checkpoints(spec: FineTuneJobSpec) -> int:
    """Those that are kept, and one more: the oldest goes only when the next is complete."""
    rules, output = spec.checkpoints or Checkpoints(), spec.output
    best = rules.keep_best or 0
    if output is not None and output.select == "best":
        best = max(best, 1)
    return rules.keep_last + best + 1


def _finished(spec: FineTuneJobSpec, resolved: Resolved, trained: int) -> int:
    """Bytes: what was trained; merged into its base model, all of that as it was loaded."""
    merged = resolved.hyperparameters.lora.enabled and spec.output is not None and spec.output.merge == "merged"
    if not merged or resolved.model is None:
        return trained * WEIGHT_BYTES
    exact = resolved.instance_type.gpu is None or resolved.hyperparameters.precision == "fp32"
    return (resolved.model.parameters or 0) * (4 if exact else 2)

"""LoRA on a policy: which layers get it, and whether the base model has the layers that a job names. Nothing is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError, did_you_mean
from trainer.workspace.soundness import read_safetensors_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer.backends.lerobot.kinds import Kind
    from trainer.contract.hyperparameters import Lora

PARAM: Final = "spec.hyperparameters.lora.targetModules"
MOST_NAMES: Final = 16
"""Layers that a message lists."""
MATRIX: Final = 2
"""Dimensions of the least that an adapter can be put on."""


def adapter_arguments(kind: Kind, lora: Lora) -> list[str]:
    """What `lerobot-train` is told about LoRA; LeRobot has layers of its own for most types, and none for some."""
    if not lora.enabled:
        return []
    targets = lora.target_modules or kind.adapted
    whole = [each for each in kind.trained_whole if each not in targets]
    return [
        "--peft.method_type=LORA",
        f"--peft.r={lora.rank}",
        f"--peft.lora_alpha={lora.alpha}",
        *([f"--peft.target_modules={json.dumps(list(targets))}"] if targets else []),
        *([f"--peft.full_training_modules={json.dumps(whole)}"] if whole else []),
    ]


def check_targets(lora: Lora, base: Path | None, name: str) -> None:
    """UserError (HyperparameterUnsupported) for the first layer that a job names and the model in `base` has not.

    Only the last part of a name is compared: LeRobot reads older files whose layers lie elsewhere.
    """
    layers = sorted(set(_layers(base))) if lora.enabled and lora.target_modules and base else []
    for target in lora.target_modules if layers else ():
        last = target.rpartition(".")[2]
        if last in layers:
            continue
        more = f" and {len(layers) - MOST_NAMES} more" if len(layers) > MOST_NAMES else ""
        raise UserError(
            "HyperparameterUnsupported",
            f"targetModules names '{target}', which {name} has not.{did_you_mean(last, layers)}"
            f" It has: {', '.join(layers[:MOST_NAMES])}{more}",
            param=PARAM,
            advice="Name layers of the list, or leave targetModules out: each type has layers of its own then.",
        )


def _layers(base: Path) -> Iterator[str]:
    """The last part of the name of each layer with a matrix of weights, as the file has it."""
    for file in base.glob("*.safetensors"):
        for tensor, about in read_safetensors_header(file).items():
            shape, (layer, _, last) = about.get("shape"), tensor.rpartition(".")
            if last == "weight" and isinstance(shape, list) and len(shape) >= MATRIX:
                yield layer.rpartition(".")[2]

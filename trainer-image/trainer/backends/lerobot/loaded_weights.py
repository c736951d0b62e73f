"""Proof that a policy starts with the weights of its base model: LeRobot only logs it when most types could not be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from trainer.backends.lerobot.kinds import STRICT
from trainer.backends.lerobot.start import WEIGHTS
from trainer.failures import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.backends.lerobot.foreign import Foreign

LOOKED_AT: Final = 8
"""Tensors that are compared with the file's, spread over the model."""
LARGEST: Final = 20_000_000
"""Numbers of a tensor that is compared; larger ones take long to read."""
LEAST: Final = 0.9
"""Share of the policy's tensors that the file must have by their names: some types read a few under other ones."""
MOST_NAMES: Final = 3
"""Tensors that a message lists."""
_OF_ADAPTERS: Final = (".base_layer", ".original_module")


def check_loaded(policy: Foreign, folder: Path, name: str) -> None:
    """Broken (WeightsNotLoaded) when the policy, before its first update, has other weights than the file in `folder`."""
    bare = policy.get_base_model() if hasattr(policy, "get_base_model") else policy
    if bare.config.type in STRICT:
        return
    from safetensors import safe_open  # noqa: PLC0415 - there where LeRobot is

    own = tensors_of(bare)
    with safe_open(str(folder / WEIGHTS), framework="pt") as file:
        shared = shared_names(own, set(file.keys()))
        check_names(own, shared, name)
        small = [key for key in sorted(shared) if own[key].numel() <= LARGEST]
        for key in small[:: max(1, len(small) // LOOKED_AT)]:
            wanted = file.get_tensor(shared[key])
            # As far as bf16 tells: WALL-OSS holds some of its weights in fp32 after it had them in bf16.
            if not torch.equal(own[key].detach().cpu().to(torch.bfloat16), wanted.to(torch.bfloat16)):
                raise _not_loaded(name, f"{key} is not that of the file")


def check_names(own: Mapping[str, torch.Tensor], shared: Mapping[str, str], name: str) -> None:
    """Broken when the file lacks too many of the policy's tensors, and a line in the log when it lacks any."""
    every, there = {id(each) for each in own.values()}, {id(own[key]) for key in shared}
    missing = [key for key in own if id(own[key]) not in there]
    named = ", ".join(missing[:MOST_NAMES])
    if len(there) < LEAST * len(every):
        raise _not_loaded(
            name, f"the file has {len(there)} of its {len(every)} tensors by their names, and not {named}"
        )
    if missing:
        print(f"warning: {name} lacks {len(missing)} tensors, which start from random ones: {named}", flush=True)


def tensors_of(policy: Foreign) -> dict[str, torch.Tensor]:
    """The policy's own tensors by their names in a file, a tied one by each of its; those of adapters left out."""
    found = {}
    for key, tensor in policy.named_parameters(remove_duplicate=False):
        plain = key
        for part in _OF_ADAPTERS:
            plain = plain.replace(part, "")
        if ".lora_" not in key and ".modules_to_save." not in key:
            found[plain] = tensor
    return found


def shared_names(own: Mapping[str, torch.Tensor], theirs: set[str]) -> dict[str, str]:
    """The policy's names that the file has, each with the file's, which may leave the first word out."""
    pairs = ((key, name) for key in own for name in (key, key.removeprefix("model.")) if name in theirs)
    return dict(pairs)


def _not_loaded(name: str, problem: str) -> Broken:
    return Broken(
        "WeightsNotLoaded",
        f"the weights of {name} were not loaded, and the policy would have been trained from random ones: {problem}",
        param="spec.model.name",
        advice="Take a base model that LeRobot 0.6.1 has saved; its words about loading are in the log, before this.",
    )

"""Processes that train together share weights, gradients and optimizer (FSDP2): no GPU ever holds the whole model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.distributed.tensor import DTensor

from trainer.distributed.agreement import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from trl import SFTConfig

READ_ONCE: Final = "FSDP_CPU_RAM_EFFICIENT_LOADING"
"""Environment variable by which transformers leaves a model's weights to the first process of each node."""


def load_to_share(load: Callable[[], Any]) -> tuple[Any, bool]:
    """What `load` loads, and whether only the first process of each node has weights: a node rarely has memory for all.

    The others get theirs when the model is shared out.
    """
    if processes() == 1:
        return load(), False
    os.environ.update({"ACCELERATE_USE_FSDP": "true", READ_ONCE: "true"})
    model = load()
    if not _has_kept_buffers(model):
        return model, True
    # accelerate sends weights alone from the first process to the others.
    os.environ[READ_ONCE] = "false"
    return load(), False


def give_room(model: torch.nn.Module) -> None:
    """Put memory, which costs nothing until it is written to, under weights that this process has not read.

    accelerate tells parameters apart by their addresses; without memory all have the same.
    """
    missing = [
        (module, name, weight)
        for module in model.modules()
        for name, weight in module.named_parameters(recurse=False)
        if weight.is_meta
    ]
    for module, name, weight in missing:
        room = torch.empty_like(weight, device="cpu")
        module.register_parameter(name, torch.nn.Parameter(room, requires_grad=weight.requires_grad))
    if missing:
        model.tie_weights()


def sharing_settings(*, read_once: bool) -> dict[str, object]:
    """The settings of SFTConfig by which processes share a model; none for one process."""
    if processes() == 1:
        return {}
    return {
        "fsdp": True,
        # Not FSDP's own activation checkpointing: it draws another dropout when it computes again.
        "fsdp_config": {
            "version": 2,
            "reshard_after_forward": True,
            "state_dict_type": "FULL_STATE_DICT",
            "cpu_ram_efficient_loading": read_once,
        },
        # Else each process would hold all gradients until the last micro-batch of a step.
        "accelerator_config": {"gradient_accumulation_kwargs": {"sync_each_batch": True}},
    }


def sum_in_fp32(config: SFTConfig) -> SFTConfig:
    """Add gradients of several processes up in float32, and leave the loss in it: accelerate does both in bfloat16."""
    if config.fsdp_plugin_args is not None and config.bf16:
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        config.fsdp_plugin_args["mixed_precision_policy"] = policy
    return config


def share_of(model: torch.nn.Module) -> str:
    """How much of a shared model this process holds, as a sentence for the pod's log."""
    weights = list(model.parameters())
    held = sum((weight.to_local() if isinstance(weight, DTensor) else weight).numel() for weight in weights)
    return f"{processes()} processes share {sum(map(torch.Tensor.numel, weights))} weights; this one holds {held}"


def _has_kept_buffers(model: torch.nn.Module) -> bool:
    """Whether a checkpoint of the model holds more than weights."""
    return bool({name for name, _ in model.named_buffers()} & set(model.state_dict()))

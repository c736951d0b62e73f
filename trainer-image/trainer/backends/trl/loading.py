"""Bringing a model onto the hardware that the run names, never onto less."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging

from trainer.backends.trl.model_folder import PARAM
from trainer.backends.trl.sharding import give_room
from trainer.backends.trl.target_modules import check_names
from trainer.failures import UserError
from trainer.training.devices import uses_bf16

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.backends.trl.starting_point import StartingPoint
    from trainer.contract.run import Run

ADAPTABLE: Final = (
    *(torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d),
    *(torch.nn.MultiheadAttention, Conv1D),
)
"""Modules that PEFT can add a low-rank adapter to."""


def load_to_train(run: Run, start: StartingPoint) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    """The model that the training begins with; one whose adapter goes on being trained has it already."""
    model = load_model(run, start)
    if start.adapter is None:
        return model
    try:
        return PeftModel.from_pretrained(model, os.fspath(start.adapter), is_trainable=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(
            "ModelUnsupported",
            f"the adapter of fromCheckpoint does not fit {run.model.name}: {error}",
            param="spec.model.fromCheckpoint",
        ) from error


def load_model(run: Run, start: StartingPoint, weights: Path | None = None) -> Any:  # noqa: ANN401 - a transformers model of any class
    """The model without adapters; `weights` names a folder of full weights that replace those it starts from.

    The frozen half of a LoRA training is held in bfloat16 on GPUs; weights that are trained are held in float32.
    """
    logging.disable_progress_bar()  # a pod's log is no terminal
    lora = run.hyperparameters.lora.enabled
    dtype = torch.bfloat16 if lora and uses_bf16(run) else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(
            os.fspath(weights or start.weights),
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=run.model.trust_remote_code,
        )
    except (OSError, ValueError, KeyError) as error:
        if weights is not None:
            raise  # the checkpoint is to blame, not the model that the user named
        raise UserError("ModelUnsupported", f"{start.name} cannot be loaded: {error}", param=PARAM) from error
    give_room(model)
    return model


def load_trained(run: Run, start: StartingPoint, checkpoint: Path) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    """The model as a checkpoint left it."""
    if run.hyperparameters.lora.enabled:
        return PeftModel.from_pretrained(load_model(run, start), os.fspath(checkpoint))
    return load_model(run, start, weights=checkpoint)


def check_target_modules(run: Run, start: StartingPoint) -> None:
    """UserError when an adapter is to go into layers that the model has not: told from its code, without its weights."""
    folder = os.fspath(start.weights)
    trust = run.model.trust_remote_code
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=trust)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    except (OSError, ValueError, KeyError) as error:
        raise UserError("ModelUnsupported", f"{start.name} cannot be built: {error}", param=PARAM) from error
    check_names(run.hyperparameters.lora.target_modules, _layers(model), run.model.name)


def lora_config(run: Run, model: Any) -> LoraConfig | None:  # noqa: ANN401 - a transformers model of any class
    """The adapter to train; None for full fine-tuning, and for a model that has one already.

    UserError when a target module does not exist.
    """
    lora = run.hyperparameters.lora
    if not lora.enabled or isinstance(model, PeftModel):
        return None
    check_names(lora.target_modules, _layers(model), run.model.name)
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules) or "all-linear",
        task_type="CAUSAL_LM",
    )


def _layers(model: Any) -> dict[str, bool]:  # noqa: ANN401 - a transformers model of any class
    """The full name of every module, and whether PEFT can add an adapter to it."""
    return {name: isinstance(module, ADAPTABLE) for name, module in model.named_modules() if name}

"""Bringing a model onto the hardware that the run names, never onto less."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from trainer.backends.trl.model_folder import PARAM
from trainer.failures import Broken, UserError

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Run


def check_hardware(run: Run) -> None:
    """Broken (NoGpuFound) when there are fewer GPUs than the pod was to have: a node may lack its driver."""
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found < run.hardware.gpus:
        raise Broken(
            "NoGpuFound",
            f"{run.hardware.gpus} GPUs are to be used and {found} were found in the pod; training on CPU instead is refused",
            advice="Look at the node's driver and device plugin, or choose an instance type without GPUs.",
        )


def uses_bf16(run: Run) -> bool:
    """Whether to compute in bfloat16: on GPUs that can."""
    return run.hardware.gpus > 0 and torch.cuda.is_bf16_supported()


def load_model(run: Run, weights: Path | None = None) -> Any:  # noqa: ANN401 - a transformers model of any class
    """The model to train; `weights` names a folder of full weights that replace the job's own.

    The frozen half of a LoRA training is held in bfloat16 on GPUs; weights that are trained are held in float32.
    """
    logging.disable_progress_bar()  # a pod's log is no terminal
    lora = run.hyperparameters.lora.enabled
    dtype = torch.bfloat16 if lora and uses_bf16(run) else torch.float32
    try:
        return AutoModelForCausalLM.from_pretrained(
            os.fspath(weights or run.model.path), dtype=dtype, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        if weights is not None:
            raise  # the checkpoint is to blame, not the model that the user named
        raise UserError("ModelUnsupported", f"{run.model.name} cannot be loaded: {error}", param=PARAM) from error


def load_trained(run: Run, checkpoint: Path) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    """The model as a checkpoint left it."""
    if run.hyperparameters.lora.enabled:
        return PeftModel.from_pretrained(load_model(run), os.fspath(checkpoint))
    return load_model(run, weights=checkpoint)


def lora_config(run: Run, model: Any) -> LoraConfig | None:  # noqa: ANN401 - a transformers model of any class
    """The adapter to train; None for full fine-tuning. UserError when a target module does not exist."""
    lora = run.hyperparameters.lora
    if not lora.enabled:
        return None
    modules = {name.rpartition(".")[2] for name, _ in model.named_modules() if name}
    for target in lora.target_modules:
        if target not in modules:
            linear = sorted({n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)})
            raise UserError(
                "HyperparameterUnsupported",
                f"targetModules names '{target}', which {run.model.name} has not; its linear layers are {', '.join(linear)}",
                param="spec.hyperparameters.lora.targetModules",
            )
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.target_modules) or "all-linear",
        task_type="CAUSAL_LM",
    )

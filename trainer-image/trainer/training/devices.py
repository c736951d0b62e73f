"""The devices that a training was given: they must be there, and what they can decides its precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from trainer.failures import Broken, UserError

if TYPE_CHECKING:
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
    """Whether to compute in bfloat16: when asked to, and by itself on GPUs that can. UserError for those that cannot."""
    able = run.hardware.gpus == 0 or torch.cuda.is_bf16_supported()
    if run.hyperparameters.precision == "bf16" and not able:
        raise UserError(
            "HyperparameterUnsupported",
            "precision is 'bf16', which the GPUs of this node cannot compute with",
            param="spec.hyperparameters.precision",
            advice="Use auto or fp32, or choose an instance type with newer GPUs.",
        )
    wanted = run.hyperparameters.precision
    return wanted == "bf16" or (wanted == "auto" and run.hardware.gpus > 0 and able)

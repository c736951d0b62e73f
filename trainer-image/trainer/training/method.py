"""The method of a training: what cannot change while it goes on from a checkpoint, though a new run may ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.hyperparameters import Hyperparameters

_OPTIMIZER: Final = "adamw_torch"
"""What transformers takes when a job does not say, fused or not: both keep the same state."""
_HERE: Final = "spec.hyperparameters"
PARAMS: Final[Mapping[str, str]] = {
    "lora": f"{_HERE}.lora.enabled",
    "rank": f"{_HERE}.lora.rank",
    "alpha": f"{_HERE}.lora.alpha",
    "targetModules": f"{_HERE}.lora.targetModules",
    "optimizer": f"{_HERE}.extra.optimizer",
    "settings": f"{_HERE}.extra",
}
"""The parts of a method, and the field of the job that decides each."""


def method_of(given: Hyperparameters, *, continued: bool) -> dict[str, object]:
    """The method that a run asks for. `continued`: an adapter that the job names goes on with its own rank and layers."""
    optimizer = str(given.extra.get("optimizer", _OPTIMIZER)).removesuffix("_fused")
    whole: dict[str, object] = {"lora": given.lora.enabled, "optimizer": optimizer}
    if continued or not given.lora.enabled:
        return whole
    layers = sorted(given.lora.target_modules)
    return {**whole, "rank": given.lora.rank, "alpha": given.lora.alpha, "targetModules": layers}


def check_method(own: Mapping[str, object], step: int, marked: Mapping[str, object]) -> None:
    """UserError (MethodChanged) when the checkpoint of `step`, whose marker tells `marked`, is of another method."""
    part = next((part for part in PARAMS if marked and marked.get(part) != own.get(part)), None)
    if part is None:
        return
    name = PARAMS[part].removeprefix("spec.")
    was, now = (_shown(method.get(part)) for method in (marked, own))
    raise UserError(
        "MethodChanged",
        f"checkpoint {step} cannot be gone on from: {name} was {was} when it was taken, and is {now} now",
        param=PARAMS[part],
        advice="To train anew from the model, set restartFrom: scratch and raise restartGeneration; to go on from the"
        f" checkpoint, set {name} back.",
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) or "every linear layer" if isinstance(value, list) else str(value)

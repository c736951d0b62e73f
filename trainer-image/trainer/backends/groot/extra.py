"""`hyperparameters.extra` of GR00T: which parts of the model are trained, and how pictures and states are disturbed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.contract.reading import shown
from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAM: Final = "spec.hyperparameters.extra"
PARTS: Final[Mapping[str, str]] = {
    "tuneLlm": "tune_llm",
    "tuneVisual": "tune_visual",
    "tuneProjector": "tune_projector",
    "tuneDiffusionModel": "tune_diffusion_model",
}
"""Flags that both versions know, and what they call them."""


def tuned_parts(extra: Mapping[str, object]) -> dict[str, bool]:
    """Part of the model → whether it is trained; UserError for other keys, and for what is neither true nor false."""
    for key, value in extra.items():
        param = f"{PARAM}.{key}"
        if key not in PARTS:
            known = f"{did_you_mean(key, PARTS)} It knows: {', '.join(PARTS)}"
            raise UserError("HyperparameterUnsupported", f"extra.{key} is not known to GR00T.{known}", param=param)
        if not isinstance(value, bool):
            raise UserError(
                "HyperparameterUnsupported", f"extra.{key} is {shown(value)}, must be true or false", param=param
            )
    return {PARTS[key]: value is True for key, value in extra.items()}

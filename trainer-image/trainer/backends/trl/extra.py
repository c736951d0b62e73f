"""`hyperparameters.extra`: the settings of transformers and TRL that a job may give besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.contract.bounds import NOT_NEGATIVE, POSITIVE
from trainer.contract.reading import Bounds, shown
from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAM: Final = "spec.hyperparameters.extra"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what SFTConfig calls it, and what it may be: a number within bounds, one of some words, or a flag."""

    name: str
    allowed: Bounds | tuple[str, ...] | None

    def problem(self, value: object) -> str | None:
        """What the value must be, as a sentence goes on after it; None when it may be that."""
        if isinstance(self.allowed, Bounds):
            number = isinstance(value, int | float) and not isinstance(value, bool) and self.allowed.allow(value)
            return None if number else f"a number {self.allowed.in_words}"
        if self.allowed is None:
            return None if isinstance(value, bool) else "true or false"
        return None if value in self.allowed else f"one of {', '.join(self.allowed)}"


SETTINGS: Final[Mapping[str, Setting]] = {
    "activationCheckpointing": Setting("activation_checkpointing", None),
    "adamBeta1": Setting("adam_beta1", Bounds(least=0, most=0.9999)),
    "adamBeta2": Setting("adam_beta2", Bounds(least=0, most=0.9999)),
    "adamEpsilon": Setting("adam_epsilon", POSITIVE),
    "neftuneNoiseAlpha": Setting("neftune_noise_alpha", NOT_NEGATIVE),
    "optimizer": Setting("optim", ("adamw_torch", "adamw_torch_fused", "adafactor", "sgd")),
}


def extra_settings(extra: Mapping[str, object]) -> dict[str, object]:
    """The settings in SFTConfig's words; UserError for keys that are not known and values that are not allowed."""
    for key, value in extra.items():
        if key not in SETTINGS:
            raise UserError(
                "HyperparameterUnsupported",
                f"extra.{key} is not known to this trainer.{did_you_mean(key, SETTINGS)} It knows: {', '.join(SETTINGS)}",
                param=f"{PARAM}.{key}",
            )
        problem = SETTINGS[key].problem(value)
        if problem:
            raise UserError(
                "HyperparameterUnsupported", f"extra.{key} is {shown(value)}, must be {problem}", param=f"{PARAM}.{key}"
            )
    return {SETTINGS[key].name: value for key, value in extra.items()}

"""What a user may say of SARM's own configuration, with bounds: LeRobot would fail over it only once the GPU is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.contract.bounds import AT_LEAST_ONE, SHARE
from trainer.contract.reading import Bounds, Fields
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE: Final[Mapping[str, Bounds]] = {
    "n_obs_steps": Bounds(least=2, most=64),
    "frame_gap": AT_LEAST_ONE,
    "max_rewind_steps": Bounds(least=0, most=63),
    "hidden_dim": AT_LEAST_ONE,
    "num_heads": AT_LEAST_ONE,
    "num_layers": AT_LEAST_ONE,
    "max_state_dim": AT_LEAST_ONE,
    "clip_batch_size": AT_LEAST_ONE,
}
SHARES: Final = ("dropout", "rewind_probability", "language_perturbation_probability")
SARM_KEYS: Final = (*WHOLE, *SHARES)
ABSENT: Final[Mapping[str, int]] = {
    "n_obs_steps": 8,
    "max_rewind_steps": 4,
    "hidden_dim": 768,
    "num_heads": 12,
    "max_state_dim": 32,
}
"""SARM's own, where one setting depends on another."""


def check_sarm_settings(extra: Mapping[str, object], place: str) -> None:
    """UserError (HyperparameterInvalid) for what SARM does not have or cannot be; `place` is the field, without `spec.`."""
    try:
        fields = Fields(dict(extra), place, SARM_KEYS)
        whole = {**ABSENT, **{key: fields.integer(key, bounds) for key, bounds in WHOLE.items() if key in fields}}
        for key in SHARES:
            fields.number_or(key, 0.0, SHARE)
    except UserError as error:
        raise _invalid(place, error.message.removeprefix("run.json: ")) from error
    if whole["n_obs_steps"] % 2:
        raise _invalid(
            place, f"{place}.n_obs_steps is {whole['n_obs_steps']}, must be even: as many frames before as after"
        )
    if whole["max_rewind_steps"] >= whole["n_obs_steps"]:
        steps = f"max_rewind_steps {whole['max_rewind_steps']}, n_obs_steps {whole['n_obs_steps']}"
        raise _invalid(place, f"{place}: max_rewind_steps must be less than n_obs_steps; there are {steps}")
    if whole["hidden_dim"] % whole["num_heads"]:
        sizes = f"hidden_dim {whole['hidden_dim']}, num_heads {whole['num_heads']}"
        raise _invalid(place, f"{place}: hidden_dim must be a multiple of num_heads; there are {sizes}")


def most_state_of(extra: Mapping[str, object]) -> int:
    """Numbers of a state that the model takes; LeRobot cuts off what is beyond, and says no word."""
    given = extra.get("max_state_dim", ABSENT["max_state_dim"])
    return given if isinstance(given, int) else ABSENT["max_state_dim"]


def _invalid(place: str, problem: str) -> UserError:
    return UserError(
        "HyperparameterInvalid", problem, param=f"spec.{place}", advice=f"A reward model takes {', '.join(SARM_KEYS)}."
    )

"""The layers that a job wants adapters in, held against those that its model has. Names only: nothing is loaded here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARAM: Final = "spec.hyperparameters.lora.targetModules"
MOST_NAMES: Final = 16
"""Layers that a message lists."""


def check_names(targets: Iterable[str], layers: Mapping[str, bool], model: str) -> None:
    """UserError (HyperparameterUnsupported) for the first of `targets` that an adapter cannot be added to.

    `layers` has each module's full name, and whether it can have an adapter; a target is the end of a name, in whole
    parts: `q_proj`, or `self_attn.q_proj`.
    """
    for target in targets:
        meant = [able for name, able in layers.items() if name == target or name.endswith(f".{target}")]
        if not all(meant) or not meant:
            raise _refusal(target, "can have no adapter in" if meant else "has not", layers, model)


def _refusal(target: str, problem: str, layers: Mapping[str, bool], model: str) -> UserError:
    able = sorted({last for name, able in layers.items() if able and not (last := name.rpartition(".")[2]).isdigit()})
    more = f" and {len(able) - MOST_NAMES} more" if len(able) > MOST_NAMES else ""
    nearest = did_you_mean(target.rpartition(".")[2], able)
    return UserError(
        "HyperparameterUnsupported",
        f"targetModules names '{target}', which {model} {problem}.{nearest}"
        f" Layers that can have one: {', '.join(able[:MOST_NAMES])}{more}",
        param=PARAM,
        advice="Name layers of the list, or leave targetModules out: then every linear layer gets an adapter.",
    )

"""Which trainer runs which type of model, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finetune_operator.api.basemodel import Family
from finetune_operator.api.finetunejob.words import LANGUAGE_JOB_TYPES, LANGUAGE_MODEL, REWARD_AWARE_TYPES

FAMILIES: Final[Mapping[str, Family]] = {
    LANGUAGE_MODEL: "trl",
    **dict.fromkeys(("act", "smolvla", "pi0", "pi05", "sarm", "wall_oss", "xvla"), "lerobot"),
    "gr00t_n1_5": "groot-n15",
    "gr00t_n1_6": "groot-n16",
}
"""The family of trainer images that runs each type."""


def job_types_of(model_type: str) -> tuple[str, ...]:
    """What the schema lets a job do with a model of this type."""
    if model_type == LANGUAGE_MODEL:
        return LANGUAGE_JOB_TYPES
    if model_type == "sarm":
        return ("reward",)
    return ("vla", "vla_w_reward") if model_type in REWARD_AWARE_TYPES else ("vla",)

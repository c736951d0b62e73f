"""The words that a job is made of: its types, its models' types, and which of them belong together."""

from __future__ import annotations

from typing import Final, Literal, get_args

JobType = Literal["sft", "dpo", "style", "vla", "reward", "vla_w_reward"]
ModelType = Literal[
    "causal_lm", "act", "smolvla", "pi0", "pi05", "gr00t_n1_5", "gr00t_n1_6", "sarm", "wall_oss", "xvla"
]
DataFormat = Literal["auto", "lerobot", "chat", "instruction", "preference", "text", "tokenized", "documents", "newton"]

LANGUAGE_MODEL: Final = "causal_lm"
ROBOT_JOB_TYPES: Final = ("vla", "reward", "vla_w_reward")
LANGUAGE_JOB_TYPES: Final = tuple(word for word in get_args(JobType) if word not in ROBOT_JOB_TYPES)
SELF_NAMED_TYPES: Final = ("act", "gr00t_n1_5", "gr00t_n1_6", "sarm")
"""Model types that imply their model: from scratch, or one base that everybody starts from."""
REWARD_AWARE_TYPES: Final = ("smolvla", "pi0", "pi05")
"""Policies whose loss can be weighted row by row, which reward-aware behaviour cloning (RA-BC) needs."""
ADAPTABLE_ROBOT_TYPES: Final = ("smolvla", "pi0", "pi05", "xvla")
"""Policies that LeRobot wraps with adapters of PEFT."""


def cel_list(words: tuple[str, ...]) -> str:
    """The words as a CEL list: ``['vla','reward']``."""
    return "[" + ",".join(f"'{word}'" for word in words) + "]"

"""The folder of a reward model that is given, judged by its files alone: a SARM model, with that head, of this robot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.neighbours import is_empty, listing, what_is_there
from trainer.rewards.ways import Head, head_to_weigh, heads_of
from trainer.workspace.soundness import read_safetensors_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.robots import HeadMode

PARAM: Final = "spec.reward.modelUri"
INSIDE: Final = ("", "pretrained_model", "model", "checkpoints/last/pretrained_model")
"""Where a folder that is named may keep the model: LeRobot's own output, and the workspace of a job."""
WEIGHTS: Final = "model.safetensors"


@dataclass(frozen=True, slots=True)
class RewardModel:
    """A SARM model at `path`: its heads, the camera it looks at, and how many numbers its robot's state has (0: not told)."""

    path: Path
    heads: tuple[Head, ...]
    image_key: str
    state_key: str
    state_dim: int
    most_state: int


def read_reward_model(folder: Path) -> RewardModel:
    """The model in `folder`; UserError (RewardModelInvalid) with what is there instead."""
    path = next((folder / inside for inside in INSIDE if (folder / inside / "config.json").is_file()), None)
    if path is None:
        there = what_is_there(folder) if is_empty(folder) else listing(folder)
        raise _invalid(f"{folder.name} holds no config.json.{there}", "Name the folder model of a job of type reward.")
    config = _config(path)
    if config.get("type") != "sarm":
        raise _invalid(
            f"config.json describes a model of type {config.get('type')!r}, must be 'sarm'",
            "Give a reward model that a job of type reward has made: policies see no progress.",
        )
    _check_weights(path)
    mode = config.get("annotation_mode", "single_stage")
    most = config.get("max_state_dim", 32)
    return RewardModel(
        path=path,
        heads=heads_of(mode if mode in {"dense_only", "dual"} else "single_stage"),
        image_key=str(config.get("image_key", "")),
        state_key=str(config.get("state_key", "")),
        state_dim=_state_dim(path, str(config.get("state_key", ""))),
        most_state=most if isinstance(most, int) else 32,
    )


def check_head(model: RewardModel, head_mode: HeadMode) -> tuple[str, ...]:
    """Warnings; UserError (RewardUnsupported) when the model has not the head that is to weigh."""
    if head_to_weigh(head_mode) not in model.heads:
        raise UserError(
            "RewardUnsupported",
            "headMode is dense, and the reward model has a sparse head alone (annotation_mode single_stage)",
            param="spec.reward.headMode",
            advice="Set headMode to sparse, or give a model that was trained with annotationMode dense_only or dual.",
        )
    if head_mode == "both" and "dense" not in model.heads:
        return ("reward.headMode is both, and the reward model has a sparse head alone: sparse is computed",)
    return ()


def check_robot(model: RewardModel, state_dim: int) -> None:
    """UserError (RewardModelInvalid) when the dataset's state is not what the model has seen; 0 numbers: there is none."""
    if state_dim == 0 and model.state_dim:
        raise _invalid(
            f"it has seen {model.state_key} of {model.state_dim} numbers, and the dataset has none",
            "Give a reward model of this robot, or train one in this job with jobType vla_w_reward.",
        )
    if model.state_dim and state_dim != model.state_dim:
        raise _invalid(
            f"it has seen {model.state_key} of {model.state_dim} numbers, and the dataset's has {state_dim}",
            "Give a reward model of this robot, or train one in this job with jobType vla_w_reward.",
        )
    if state_dim > model.most_state:
        raise _invalid(
            f"it takes a state of {model.most_state} numbers, and the dataset's has {state_dim}: the rest would be cut off",
            "Train the reward model with reward.hyperparameters.extra.max_state_dim.",
        )


def _config(path: Path) -> Mapping[str, object]:
    try:
        config: object = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _invalid(f"config.json cannot be read: {error}", "Copy the model again, completely.") from error
    return config if isinstance(config, dict) else {}


def _check_weights(path: Path) -> None:
    if not (path / WEIGHTS).is_file():
        raise _invalid(f"there is no {WEIGHTS}.{listing(path)}", "Copy the model again, completely.")
    try:
        read_safetensors_header(path / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise _invalid(f"{WEIGHTS} is damaged: {error}", "Copy the model again, completely.") from error


def _state_dim(path: Path, key: str) -> int:
    """From the statistics that the model was trained with, which lie beside it; 0 when they do not tell."""
    for file in sorted(path.glob("*normalizer_processor.safetensors")):
        try:
            tensors = read_safetensors_header(file)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            continue
        shape = tensors.get(f"{key}.mean", {}).get("shape")
        if isinstance(shape, list) and len(shape) == 1 and isinstance(shape[0], int):
            return shape[0]
    return 0


def _invalid(problem: str, advice: str) -> UserError:
    return UserError("RewardModelInvalid", f"the reward model cannot be used: {problem}", param=PARAM, advice=advice)

"""What can be known about rewards before a GPU is taken: asked in stage prepare, and again before the training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.rewards.clip import find_clip
from trainer.backends.lerobot.rewards.sarm_arguments import reward_extra
from trainer.backends.lerobot.rewards.weighting import CHUNK, weight_warnings
from trainer.contract.robots import Reward
from trainer.failures import UserError
from trainer.recordings.recording import STATE
from trainer.rewards.annotations import check_annotations
from trainer.rewards.combinations import check_combination
from trainer.rewards.image_key import check_camera, reward_image_key
from trainer.rewards.model_folder import check_head, check_robot, read_reward_model
from trainer.rewards.progress_file import check_missing, check_progress, find_progress
from trainer.rewards.sarm_settings import most_state_of
from trainer.rewards.ways import head_to_weigh, way_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.run import Run
    from trainer.recordings.recording import Recording

PARAM: Final = "spec.reward"


def check_reward(run: Run, recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Warnings about rewards and progress; UserError for what cannot work. `recordings` are those to train on."""
    warnings = check_combination(run)
    way, reward = way_of(run), run.reward or Reward()
    if way == "file":
        return (*warnings, *_check_file(run, reward, recordings))
    if way == "model":
        find_clip(run)
        return (*warnings, *_check_model(reward, recordings))
    if way == "train":
        find_clip(run)
        _check_training(run, reward, recordings)
    return warnings


def chunk_of(run: Run) -> int:
    """Actions that the policy plans at once: a sample's weight is the progress over so many frames."""
    config: object = {}
    if run.model.path is not None and (run.model.path / "config.json").is_file():
        config = json.loads((run.model.path / "config.json").read_text(encoding="utf-8"))
    told = config.get("chunk_size") if isinstance(config, dict) else None
    chunk = run.hyperparameters.extra.get("chunk_size", told)
    return chunk if isinstance(chunk, int) else CHUNK


def _check_file(run: Run, reward: Reward, recordings: Sequence[Recording]) -> tuple[str, ...]:
    file = find_progress(Path(reward.progress_path))
    lengths = [episode.length for recording in recordings for episode in recording.episodes]
    progress = check_progress(file, reward.head_mode, lengths)
    missing = check_missing(progress, head_to_weigh(reward.head_mode))
    return (*missing, *weight_warnings(file, reward, chunk_of(run)))


def _check_model(reward: Reward, recordings: Sequence[Recording]) -> tuple[str, ...]:
    first = recordings[0]
    model = read_reward_model(Path(reward.model_path))
    warnings = check_head(model, reward.head_mode)
    if reward.image_key and reward.image_key != model.image_key:
        raise UserError(
            "CamerasInvalid",
            f"reward.imageKey is {reward.image_key}, and the reward model has learnt from {model.image_key}",
            param=f"{PARAM}.imageKey",
            advice=f"Leave imageKey out, or say {model.image_key}: another picture would mean nothing to the model.",
        )
    check_camera(model.image_key, first.image_keys, "the reward model's camera", f"{PARAM}.modelUri")
    check_robot(model, first.state_dim)
    return warnings


def _check_training(run: Run, reward: Reward, recordings: Sequence[Recording]) -> None:
    first = recordings[0]
    reward_image_key(run, first.image_keys)
    if first.state_dim == 0:
        advice = "Record the robot's state too."
        raise first.refused(
            "DatasetInvalid", f"there is no {STATE}, which a reward model sees beside the pictures", advice
        )
    most = most_state_of(reward_extra(run))
    if first.state_dim > most:
        raise UserError(
            "HyperparameterInvalid",
            f"{STATE} has {first.state_dim} numbers, and the reward model takes {most}: the rest would be cut off",
            param=f"{PARAM}.hyperparameters",
            advice=f"Set max_state_dim to {first.state_dim} in the extra hyperparameters of the reward model.",
        )
    for recording in recordings:
        check_annotations(reward.annotation_mode, recording.root, recording.columns, len(recordings))

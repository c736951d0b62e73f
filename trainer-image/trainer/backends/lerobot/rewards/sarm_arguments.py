"""What LeRobot is told to train a SARM reward model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trainer.backends.lerobot.arguments import tracker_arguments
from trainer.contract.robots import Reward
from trainer.rewards.image_key import reward_image_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.run import Run


def sarm_arguments(run: Run, image_keys: Sequence[str], device: str) -> tuple[str, ...]:
    """Arguments of `lerobot-train` about the model and its tracker, for a run of job type reward; `image_keys` are the dataset's cameras."""
    reward = run.reward or Reward()
    settings: Mapping[str, object] = {**reward_extra(run), "device": device, "push_to_hub": False}
    return (
        "--reward_model.type=sarm",
        f"--reward_model.annotation_mode={reward.annotation_mode}",
        f"--reward_model.image_key={reward_image_key(run, image_keys)}",
        *(f"--reward_model.{key}={_shown(value)}" for key, value in settings.items()),
        *tracker_arguments(run),
    )


def reward_extra(run: Run) -> Mapping[str, object]:
    """What the user says of SARM's configuration: as the job's own extra, or as the reward model's."""
    of_reward = (run.reward or Reward()).hyperparameters.get("extra")
    return {**run.hyperparameters.extra, **(of_reward if isinstance(of_reward, dict) else {})}


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)

"""Mistakes with cameras, reward models, and what robots and language models do not share."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import CAMERAS, Mistakes, language, robot

TOP: Final = "observation.images.top"
RABC: Final = "reward-aware training (RA-BC) needs model.type smolvla, pi0 or pi05"
SARM: Final[Json] = {"jobType": "reward", "model": {"type": "sarm"}, "cameraMappings": {"cam_1": TOP}}
NOT_FOR_TEXT: Final = "cameraMappings and reward are for robot job types (vla, reward, vla_w_reward)"


def reward(**fields: object) -> Json:
    """A policy whose training a reward model weights."""
    return {"reward": {"useRabc": True, "modelUri": "hf://me/sarm", **fields}}


CAMERA_MISTAKES: Final[Mistakes] = {
    "a camera key twice": robot(
        {"cameraMappings": {"cam_1": TOP, "cam_2": TOP}},
        "spec.cameraMappings",
        f"given twice: {TOP}",
        "a dataset key serves one camera slot only",
        {"cameraMappings": CAMERAS},
    ),
    "cameras as a list": robot(
        {"cameraMappings": [TOP]}, "spec.cameraMappings", "array", "must be of type object", {"cameraMappings": {"cam_1": TOP}}
    ),
    "cameras by number": robot(
        {"cameraMappings": {"cam_1": 1}}, "spec.cameraMappings.cam_1", "integer", "must be of type string", {"cameraMappings": CAMERAS}
    ),
    "no camera but the word": robot(
        {"cameraMappings": {}}, "spec.cameraMappings", "0", "should have at least 1 properties", {"cameraMappings": None}
    ),
    "a language model with cameras": language(
        {"cameraMappings": CAMERAS}, "spec", "sft", NOT_FOR_TEXT, {"cameraMappings": None}
    ),
    "a robot without hours": robot(
        {"hours": None}, "spec.hours", "jobType vla", "needs hours: its training has no end of its own", {"hours": 6}
    ),
    "prompts for a robot": robot(
        {"evaluation": {"fraction": 0.1, "prompts": ["pick up the cube"]}},
        "spec.evaluation.prompts",
        "vla",
        "prompts are for language models",
        {"evaluation": {"fraction": 0.1}},
    ),
}  # fmt: skip

REWARD_MISTAKES: Final[Mistakes] = {
    "a language model with a reward": language({"reward": {}}, "spec", "sft", NOT_FOR_TEXT, {"reward": None}),
    "RA-BC on ACT": robot(
        {"model": {"type": "act"}, **reward()}, "spec.reward", "act", RABC, {"model": {"type": "pi05", "name": "lerobot/pi05"}, **reward()}
    ),
    "a policy with its reward model on X-VLA": robot(
        {"jobType": "vla_w_reward", "model": {"type": "xvla", "name": "lerobot/xvla-base"}},
        "spec.reward",
        "xvla",
        RABC,
        {"jobType": "vla_w_reward"},
    ),
    "RA-BC without a reward model": robot(
        {"reward": {"useRabc": True}},
        "spec.reward",
        "useRabc",
        "needs reward.modelUri or reward.progressUri; job type vla_w_reward trains the reward model itself",
        {"reward": {"useRabc": True, "progressUri": "pvc://rewards/progress.parquet"}},
    ),
    "a reward model that looks at no camera of the job": robot(
        reward(imageKey="observation.images.left"),
        "spec.reward.imageKey",
        "observation.images.left",
        "reward.imageKey must be one of the dataset keys in cameraMappings",
        reward(imageKey=TOP),
    ),
    "a reward model on this machine": robot(
        reward(modelUri="file:///data/sarm"),
        "spec.reward.modelUri",
        "file:///data/sarm",
        f"modelUri must be {uris.STORED_WORDS}",
        reward(modelUri="me/sarm"),
    ),
    "progress by http": robot(
        {"reward": {"useRabc": True, "progressUri": "http://rewards.example/p"}},
        "spec.reward.progressUri",
        "http://rewards.example/p",
        f"progressUri must be {uris.STORED_WORDS}",
        {"reward": {"useRabc": True, "progressUri": "https://rewards.example/p"}},
    ),
    "a head that does not exist": robot(
        reward(headMode="all"), "spec.reward.headMode", '"all"', 'supported values: "sparse", "dense", "both"', reward(headMode="both")
    ),
    "a dense head that the reward model does not get": robot(
        {"jobType": "vla_w_reward", "reward": {"headMode": "dense", "annotationMode": "single_stage"}},
        "spec.reward.headMode",
        "single_stage",
        "headMode dense needs annotationMode dense_only or dual: a reward model of a single stage has no dense head",
        {"jobType": "vla_w_reward", "reward": {"headMode": "dense", "annotationMode": "dual"}},
    ),
    "a dense head without a word on annotations": robot(
        {**SARM, "reward": {"headMode": "dense"}},
        "spec.reward.headMode",
        "none",
        "headMode dense needs annotationMode dense_only or dual: a reward model of a single stage has no dense head",
        {**SARM, "reward": {"headMode": "dense", "annotationMode": "dense_only"}},
    ),
    "all hours for the reward model": robot(
        {"jobType": "vla_w_reward", "reward": {"hoursShare": 1}},
        "spec.reward.hoursShare",
        "1",
        "should be less than 1",
        {"jobType": "vla_w_reward", "reward": {"hoursShare": 0.5}},
    ),
}  # fmt: skip

ROBOTS: Final[Mistakes] = CAMERA_MISTAKES | REWARD_MISTAKES

ACCEPTED_ROBOTS: Final[dict[str, Json]] = {
    "sixteen cameras": {"cameraMappings": {f"cam_{n}": f"observation.images.{n}" for n in range(16)}},
    "no cameras": {"cameraMappings": None},
    "RA-BC with a reward model": reward(imageKey=TOP, headMode="both"),
    "RA-BC with progress that was computed before": {"reward": {"useRabc": True, "progressUri": "s3://rewards/p"}},
    "reward fields while RA-BC is off": {
        "model": {"type": "act"},
        "reward": {"useRabc": False, "modelUri": "example", "headMode": "sparse", "imageKey": "example"},
    },
    "a reward model of a single stage whose progress is computed with either head": {
        "jobType": "vla_w_reward",
        "reward": {"headMode": "both"},
    },
    "the dense head of a reward model that is there": reward(headMode="dense"),
    "a policy with its reward model": {
        "jobType": "vla_w_reward",
        "reward": {"imageKey": TOP, "annotationMode": "dual", "kappa": 0.01, "hyperparameters": {"lr": 1e-4}},
    },
}

"""What a job fetches from outside of the cluster, as far as its size is known before anybody has looked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES
from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.places import mounted_path, reward_place, used_reward

GIB: Final = 2**30
ROOM: Final = 1.1
"""What a file system keeps for itself, and the small files beside the weights."""
LEAST: Final = 10
"""GiB of a cache: tokenizers, backbones and what lies beside them are small."""
LANGUAGE_BYTES: Final = 2
"""Of a weight of a language model as it is published: bf16."""
POLICY_BYTES: Final = 4
"""Of a weight of a robot policy as LeRobot publishes it: fp32."""
TEXT_GIB: Final = 1
"""Set aside for each dataset of text: nobody knows its size before it is there."""
EPISODES_GIB: Final = 20
"""The same for each dataset of episodes, videos included."""
REWARD_GIB: Final = 2
"""Of a reward model or its progress file."""


@dataclass(frozen=True)
class Fetched:
    """What is fetched: bytes of models, and the GiB that are set aside for datasets."""

    model_bytes: int = 0
    datasets: int = 0
    dataset_gib: int = TEXT_GIB

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.model_bytes + self.datasets * self.dataset_gib * GIB

    @property
    def words(self) -> str:
        """The arithmetic; empty where nothing is fetched."""
        parts = []
        if self.model_bytes:
            parts.append(f"{self.model_bytes / GIB:.1f} GiB for the model that is fetched")
        if self.datasets:
            parts.append(f"{self.datasets} x {self.dataset_gib} GiB for datasets, whose size is not known yet")
        return " and ".join(parts)


def fetched(spec: FineTuneJobSpec, resolved: Resolved) -> Fetched:
    """What lies outside of the cluster, and must be fetched to a place that all stages share."""
    robot = spec.job_type in ROBOT_JOB_TYPES
    return Fetched(
        model_bytes=_models(spec, resolved, POLICY_BYTES if robot else LANGUAGE_BYTES),
        datasets=sum(_outside(dataset.uri) for dataset in resolved.datasets),
        dataset_gib=EPISODES_GIB if robot else TEXT_GIB,
    )


def brought(spec: FineTuneJobSpec, resolved: Resolved) -> Fetched:
    """What the workspace holds besides: what is fetched where the job has no cache, and several train sets of robots once more.

    These are merged into one before the training.
    """
    kept = fetched(spec, resolved)
    kept = replace(kept, model_bytes=0, datasets=0) if spec.cache else kept
    trained = sum(dataset.split == "train" for dataset in resolved.datasets)
    merged = trained if spec.job_type in ROBOT_JOB_TYPES and trained > 1 else 0
    return replace(kept, datasets=kept.datasets + merged)


def cache_gibibytes(spec: FineTuneJobSpec, resolved: Resolved) -> int:
    """Whole GiB of a cache of the job's own: what it fetches, and LEAST more."""
    return LEAST + math.ceil(fetched(spec, resolved).bytes * ROOM / GIB)


def _models(spec: FineTuneJobSpec, resolved: Resolved, width: int) -> int:
    """The model, weights to go on from (as large at most), and what a reward model needs."""
    model, reward = resolved.model, used_reward(spec)
    parameters = (model.parameters if model else None) or 0
    places = [model.uri if model else None, resolved.checkpoint_uri]
    rewards = [reward_place(reward.model_uri), reward_place(reward.progress_uri)] if reward else []
    small = sum(_outside(uri) for uri in rewards) * REWARD_GIB * GIB
    return sum(_outside(uri) for uri in places) * parameters * width + small


def _outside(uri: str | None) -> bool:
    return bool(uri) and mounted_path(uri or "") is None

"""Where a pod has what it needs: the paths of the trainer contract, and what a URI names among them."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import FineTuneJobSpec, Reward
from finetune_operator.api.resolved import Resolved

WORKSPACE: Final = "/workspace"
CACHE: Final = "/cache"
CLAIMS: Final = "/inputs/claims"
CONFIG_MAPS: Final = "/inputs/configmaps"
RUN_FOLDER: Final = "/etc/finetune"
TOKEN_FOLDER: Final = "/var/run/secrets/finetune"  # noqa: S105 - a path
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - in the container
SCRATCH: Final = "/tmp"  # noqa: S108 - in the container


def mounted_path(uri: str) -> str | None:
    """Where the pod finds what a URI names; None for what the trainer must fetch."""
    match uris.parse(uri):
        case uris.ClaimPath(claim, path):
            return f"{CLAIMS}/{claim}/{path}".rstrip("/")
        case uris.ConfigMapKey(name, key):
            return f"{CONFIG_MAPS}/{name}/{key}"
        case _:
            return None


def inputs(spec: FineTuneJobSpec, resolved: Resolved) -> tuple[str, ...]:
    """The URIs of all that a run reads: models, weights, datasets and what the reward model needs."""
    reward = used_reward(spec)
    given = (
        resolved.model.uri if resolved.model else None,
        resolved.checkpoint_uri,
        *(dataset.uri for dataset in resolved.datasets),
        reward_place(reward.model_uri) if reward else None,
        reward_place(reward.progress_uri) if reward else None,
    )
    return tuple(uri for uri in given if uri)


def fetches(spec: FineTuneJobSpec, resolved: Resolved) -> bool:
    """Whether anything lies outside of the cluster, so that the pod needs a place to fetch it to."""
    return any(mounted_path(uri) is None for uri in inputs(spec, resolved))


def used_reward(spec: FineTuneJobSpec) -> Reward | None:
    """What the job says of reward models, if it uses one: what has no effect is not handed on."""
    if spec.job_type == "vla_w_reward":
        return (spec.reward or Reward()).model_copy(update={"use_rabc": True})
    used = spec.reward is not None and (spec.job_type == "reward" or spec.reward.use_rabc)
    return spec.reward if used else None


def reward_place(name: str | None) -> str | None:
    """The URI of what may be given as a repository of the Hub; None for what is neither, which the trainer refuses."""
    if name is None or "://" in name:
        return name
    return f"hf://{name}" if uris.is_repository(name) else None

"""Where a pod has what it needs: the paths of the trainer contract, and what a URI names among them."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import FineTuneJobSpec, Reward
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES
from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.resolving.limits import UNUSED_REWARD

WORKSPACE: Final = "/workspace"
CACHE: Final = "/cache"
FETCHED: Final = f"{WORKSPACE}/cache"
"""Where what is fetched lies when the job has no cache: on its workspace, which the stages share."""
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
    """Whether the pod needs a place to fetch to: something lies outside of the cluster.

    A robot policy always does: its tokenizer, its backbone or its frozen half are repositories of their own.
    """
    elsewhere = any(mounted_path(uri) is None for uri in inputs(spec, resolved))
    return elsewhere or spec.job_type in ROBOT_JOB_TYPES


def cache_path(spec: FineTuneJobSpec, resolved: Resolved) -> str | None:
    """The folder that all stages find what was fetched in; None where nothing is."""
    if spec.cache:
        return CACHE
    return FETCHED if fetches(spec, resolved) else None


def used_reward(spec: FineTuneJobSpec) -> Reward | None:
    """What the job says of reward models, if it uses one: what has no effect is not handed on."""
    given, trains = spec.reward or Reward(), spec.job_type in {"reward", "vla_w_reward"}
    if not (trains or given.use_rabc):
        return None
    idle = {field: Reward.model_fields[field].default for field in UNUSED_REWARD[spec.job_type][0]}
    return given.model_copy(update=idle | ({"use_rabc": True} if spec.job_type == "vla_w_reward" else {}))


def reward_place(name: str | None) -> str | None:
    """The URI of what may be given as a repository of the Hub; None for what is neither, which the trainer refuses."""
    if name is None or "://" in name:
        return name
    return f"hf://{name}" if uris.is_repository(name) else None

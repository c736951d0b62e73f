"""Which wishes about rewards go together, by run.json alone: refused is what cannot be, told is what has no use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.contract.robots import Reward
from trainer.failures import UserError
from trainer.rewards.hyperparameters import check_of_reward_job, reward_hyperparameters
from trainer.rewards.ways import WEIGHED_TYPES, head_to_weigh, heads_of, way_of, weighs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.contract.run import Run

PARAM: Final = "spec.reward"
ABSENT: Final = Reward()


def check_combination(run: Run) -> tuple[str, ...]:
    """Warnings about what has no use; UserError (RewardUnsupported, HyperparameterInvalid) for what cannot be."""
    for refusal in _refusals(run, run.reward or ABSENT):
        raise refusal
    check_of_reward_job(run)
    return tuple(_warnings(run, run.reward or ABSENT))


def _refusals(run: Run, reward: Reward) -> Iterator[UserError]:
    way = way_of(run)
    if (run.job_type == "reward") != (run.model.type == "sarm"):
        yield UserError(
            "RewardUnsupported",
            f"jobType is {run.job_type} and model.type {run.model.type}: sarm is the reward model, and no policy",
            param="spec.model.type",
            advice="jobType reward and model.type sarm belong together.",
        )
    if weighs(run) and run.model.type not in WEIGHED_TYPES:
        yield UserError(
            "RewardUnsupported",
            f"samples of a {run.model.type} policy cannot be weighted by their progress: LeRobot tells the loss of each"
            f" sample apart for {', '.join(WEIGHED_TYPES)} alone",
            param="spec.model.type",
            advice="Choose one of them, or set jobType to vla and useRabc to false.",
        )
    if run.job_type == "vla" and reward.use_rabc and way == "none":
        yield UserError(
            "RewardUnsupported",
            "useRabc is true, and there is neither a reward model nor a file of progress to weight samples by",
            param=f"{PARAM}.useRabc",
            advice="Give reward.modelUri or reward.progressUri, or set jobType to vla_w_reward: it trains the reward model first.",
        )
    yield from _not_mounted(run, reward)
    yield from _not_split(run)
    if way == "train" and reward.head_mode == "dense" and "dense" not in heads_of(reward.annotation_mode):
        yield UserError(
            "RewardUnsupported",
            f"headMode is dense, and a reward model of annotationMode {reward.annotation_mode} has a sparse head alone",
            param=f"{PARAM}.headMode",
            advice="Set headMode to sparse, or annotationMode to dense_only or dual where the dataset has dense annotations.",
        )


def _not_split(run: Run) -> Iterator[UserError]:
    """The reward model's batch is global too, and none of the job's own."""
    batch, processes = reward_hyperparameters(run).batch_size, run.hardware.processes
    if way_of(run) == "train" and run.job_type != "reward" and batch % processes:
        yield UserError(
            "HyperparameterInvalid",
            f"reward.hyperparameters.batchSize {batch} is global and cannot be split evenly over {processes} processes",
            param=f"{PARAM}.hyperparameters.batchSize",
            advice=f"Use a multiple of {processes}, such as {max(processes, batch // processes * processes)}.",
        )


def _not_mounted(run: Run, reward: Reward) -> Iterator[UserError]:
    """Whatever lies elsewhere has been fetched before this is asked."""
    places = {"file": ("progressUri", reward.progress_path, reward.progress_uri)}
    places["model"] = ("modelUri", reward.model_path, reward.model_uri)
    name, path, uri = places.get(way_of(run), ("", "-", ""))
    if not path:
        yield UserError(
            "RewardUnsupported",
            f"{name} is {uri}, which is not mounted and was not fetched",
            param=f"{PARAM}.{name}",
            advice="Give a place that this trainer image reads: pvc://, s3://, gs://, https:// or hf://.",
        )


def _warnings(run: Run, reward: Reward) -> Iterator[str]:
    way, given = way_of(run), _given(reward)
    idle = [name for name in given if name in _IDLE[way] or (run.job_type == "reward" and name in _OF_POLICIES)]
    if run.job_type == "vla" and way == "none" and given:
        yield f"reward.{_listed(given)} without use: useRabc is false, so no sample is weighted"
        return
    if idle:
        yield f"reward.{_listed(idle)} without use: {_WHY[run.job_type if run.job_type == 'reward' else way]}"
    if way == "none" or reward.head_mode != "both":
        return
    if way == "train" and "dense" not in heads_of(reward.annotation_mode):
        yield "reward.headMode is both, and a reward model of annotationMode single_stage has a sparse head alone: sparse is computed"
    elif run.job_type != "reward":
        yield f"reward.headMode is both: samples are weighted by the {head_to_weigh('both')} head, as LeRobot weights by one"


_OF_POLICIES: Final = ("useRabc", "kappa", "modelUri", "progressUri")
_IDLE: Final = {
    "none": (),
    "train": (),
    "model": ("annotationMode", "steps"),
    "file": ("modelUri", "imageKey", "annotationMode", "hyperparameters", "steps"),
}
_WHY: Final = {
    "none": "",
    "train": "",
    "reward": "jobType reward trains a reward model and no policy",
    "model": "the reward model is given, so none is trained",
    "file": "the progress is given, so no reward model is needed",
}


def _given(reward: Reward) -> list[str]:
    """The fields that say something, by their names in the resource, in its order."""
    said = {
        "useRabc": reward.use_rabc,
        "modelUri": bool(reward.model_path or reward.model_uri),
        "progressUri": bool(reward.progress_path or reward.progress_uri),
        "headMode": reward.head_mode != ABSENT.head_mode,
        "imageKey": bool(reward.image_key),
        "annotationMode": reward.annotation_mode != ABSENT.annotation_mode,
        "kappa": reward.kappa is not None,
        "hyperparameters": bool(reward.hyperparameters),
    }
    return [name for name, is_said in said.items() if is_said]


def _listed(names: list[str]) -> str:
    return f"{', reward.'.join(names)} {'is' if len(names) == 1 else 'are'}"

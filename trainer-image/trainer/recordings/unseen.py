"""What of a dataset nobody looks at in a job: cameras without a slot, numbers that are neither state nor action.

LeRobot 0.6.1 fetches all of it with every frame all the same: a video that cannot be decoded ends a training whoever looks
at it. What it does not mind is not refused: other colours, another size, numbers that are not finite, statistics.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.recordings.recording import ACTION, STATE, TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.run import Run
    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.policies import Policy
    from trainer.recordings.recording import Feature, Recording

SURROUNDINGS: Final = "observation.environment_state"
ANY_POLICY: Final = (1, 3)
"""Channels that everything takes: variations of pictures, and a preprocessing of all cameras."""
MOST_REMARKS: Final = 3
WHY: Final = (
    "No slot is mapped to this camera, but LeRobot reads all cameras of a dataset with every frame: mend it, or remove it"
    " (lerobot-edit-dataset --operation.type remove_feature)."
)


def with_unseen(recording: Recording, run: Run, policy: Policy, plan: CameraPlan) -> Recording:
    """The recording that knows which of its features neither the policy nor a reward model of the job sees.

    UserError (DatasetInvalid) about a camera that nobody looks at, and that all the same is worked on as if somebody did.
    """
    seen = {*plan.used, *_of_reward(run, recording)}
    cameras = [key for key in recording.image_keys if key not in seen]
    for key in cameras:
        _check_channels(recording.features[key], recording, run, policy)
    numbers = [key for key, each in recording.features.items() if not _is_seen(each)]
    return replace(recording, unseen=frozenset((*cameras, *numbers)), tolerance=_tolerance(run))


def explained(recording: Recording, key: str, error: UserError) -> UserError:
    """The error about a camera; of one that nobody looks at with the reason why it matters."""
    if key not in recording.unseen:
        return error
    return UserError(error.code, error.message, param=error.param, advice=f"{error.advice} {WHY}")


def shown_remarks(recording: Recording, remarks: Sequence[str]) -> tuple[str, ...]:
    """Warnings about what would be refused if somebody looked at it."""
    shown = [f"{recording.dataset.uri}: not refused, since nothing in this job looks at it: {each}" for each in remarks]
    more = len(shown) - MOST_REMARKS
    return (*shown[:MOST_REMARKS], *([f"{recording.dataset.uri}: {more} more of this kind"] if more > 0 else []))


def _check_channels(feature: Feature, recording: Recording, run: Run, policy: Policy) -> None:
    channels = feature.size[2]
    # From a video LeRobot decodes three in any case.
    if channels in ANY_POLICY or feature.dtype == "video":
        return
    varied = run.hyperparameters.image_augmentation
    if varied or policy.takes_all:
        who = "imageAugmentation varies" if varied else f"{policy.name} prepares"
        problem = (
            f"meta/info.json, feature {feature.key}: it has {channels} channels, and {who} every camera of a dataset, also"
            " one that no slot is mapped to; that takes one or three"
        )
        remedy = "Leave imageAugmentation out, or remove the camera" if varied else "Convert it to RGB, or remove it"
        removing = "(lerobot-edit-dataset --operation.type remove_feature)"
        raise recording.refused("DatasetInvalid", problem, f"{remedy} {removing}.")


def _is_seen(feature: Feature) -> bool:
    """Cameras are told apart by their mapping. LeRobot takes whatever begins like an action for one."""
    return feature.is_camera or feature.key.startswith(ACTION) or feature.key in {STATE, SURROUNDINGS}


def _tolerance(run: Run) -> float:
    """What a policy's training is told; reward models are trained, and asked, with LeRobot's own."""
    given = run.hyperparameters.extra.get("tolerance_s")
    if run.job_type == "vla" and run.reward is None and isinstance(given, int | float):
        return float(given)
    return TOLERANCE


def _of_reward(run: Run, recording: Recording) -> tuple[str, ...]:
    reward = run.reward
    if reward is None:
        return ()
    if reward.image_key:
        return (reward.image_key,)
    # A reward model that is there says itself what it looks at; one that is trained looks at what is mapped.
    return recording.image_keys if reward.model_path else ()

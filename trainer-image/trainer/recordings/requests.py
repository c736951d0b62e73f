"""What a job asks of a dataset and of a policy that the two together cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.recordings.policies import MAPPING
from trainer.recordings.recording import ACTION, STATE
from trainer.recordings.statistics import FILE, RECOMPUTE, lacks_quantiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.run import Dataset
    from trainer.recordings.policies import Policy
    from trainer.recordings.recording import Recording

FORMATS: Final = ("auto", "lerobot")


def check_asked(dataset: Dataset) -> None:
    """UserError (DatasetUnsupported) for what is said of a dataset and has no meaning for recordings."""
    if dataset.format not in FORMATS:
        raise _unsupported(
            dataset,
            "format",
            f"format {dataset.format} is no recording of a robot; known here: {', '.join(FORMATS)}",
            "Robot policies train on LeRobot datasets.",
        )
    if dataset.files:
        problem = f"files are named ({dataset.files[0]}), and a LeRobot dataset is taken whole"
        raise _unsupported(dataset, "files", problem, "Leave files out; episodes selects parts.")
    if dataset.weight != 1.0:
        problem = f"weight {dataset.weight:g}: LeRobot draws all frames alike"
        raise _unsupported(dataset, "weight", problem, "Leave it out, or select fewer episodes of the other datasets.")


def check_sizes(policy: Policy, recording: Recording) -> None:
    """UserError (DatasetUnsupported) when states or actions are larger than the policy's, or a needed state is missing."""
    if not recording.state_dim and policy.needs_state:
        problem = (
            f"meta/info.json has no feature {STATE}, which {policy.name} needs; it has {', '.join(recording.features)}"
        )
        advice = "Record the robot's joints as observation.state, or train a type that sees only: act."
        raise recording.refused("DatasetUnsupported", problem, advice)
    for key, given, most in (
        (STATE, recording.state_dim, policy.most_state),
        (ACTION, recording.action_dim, policy.most_action),
    ):
        feature = recording.features.get(key)
        if feature is not None and len(feature.shape) != 1:
            problem = f"meta/info.json, feature {key}: the shape is {feature.shown}, must be one row of numbers"
            raise recording.refused("DatasetInvalid", problem, "Flatten it when you record.")
        if most is not None and given > most:
            problem = f"{key} has {given} numbers, and {policy.name} takes at most {most}"
            advice = "Record fewer joints, or train a type without that limit: act."
            raise recording.refused("DatasetUnsupported", problem, advice)


def check_picture_quantiles(policy: Policy, keys: Sequence[str], recordings: Sequence[Recording]) -> None:
    """UserError when pictures are to be normalized by quantiles that a dataset does not have: those are not computed here."""
    for recording in recordings:
        for key in keys:
            if not lacks_quantiles(recording, [key], policy.picture_quantiles):
                continue
            needed = " and ".join(policy.picture_quantiles)
            raise UserError(
                "HyperparameterUnsupported",
                f"{policy.name} is to normalize pictures by {needed}, and {recording.dataset.uri}: {FILE} lacks them of {key}",
                param=f"spec.hyperparameters.extra.{MAPPING}",
                advice=f"Set VISUAL in {MAPPING} to MEAN_STD or IDENTITY. {RECOMPUTE}",
            )


def _unsupported(dataset: Dataset, field: str, problem: str, advice: str) -> UserError:
    return UserError("DatasetUnsupported", f"{dataset.uri}: {problem}", param=f"{dataset.place}.{field}", advice=advice)

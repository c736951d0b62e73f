"""Several datasets that become one: they must be of one robot, one rate and the same features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.recordings.recording import Feature, Recording

ONE_JOB_EACH: Final = "Train on one of them after the other (model.fromCheckpoint), or record them alike."


def check_alike(recordings: Sequence[Recording]) -> None:
    """UserError (DatasetsDiffer) names the dataset that differs from the first, and in what."""
    first, *others = recordings
    for other in others:
        if other.robot_type != first.robot_type:
            raise _differs(other, first, f"is of the robot '{other.robot_type}'", f"of '{first.robot_type}'")
        if other.fps != first.fps:
            raise _differs(other, first, f"has fps {other.fps:g}", f"{first.fps:g}")
        _check_features(first, other)


def _check_features(first: Recording, other: Recording) -> None:
    for key, feature in first.features.items():
        if key not in other.features:
            hint = did_you_mean(key, [name for name in other.features if name not in first.features])
            raise _differs(other, first, f"has no feature {key}.{hint} It has {', '.join(other.features)}", "it")
        mine = other.features[key]
        if _kind(mine) != _kind(feature):
            raise _differs(other, first, f"has {key} as {_shown(mine)}", f"it as {_shown(feature)}")
    extra = next((key for key in other.features if key not in first.features), None)
    if extra:
        raise _differs(other, first, f"has the feature {extra}", "none of that name")


def _kind(feature: Feature) -> tuple[object, ...]:
    return feature.dtype, feature.shape, feature.names


def _shown(feature: Feature) -> str:
    return f"{feature.dtype} of shape {feature.shown}" + (f" ({', '.join(feature.names)})" if feature.names else "")


def _differs(other: Recording, first: Recording, mine: str, theirs: str) -> UserError:
    message = f"{other.dataset.uri}: {mine}, and {first.dataset.uri} has {theirs}: they cannot be merged"
    return UserError("DatasetsDiffer", message, param=other.dataset.param, advice=ONE_JOB_EACH)

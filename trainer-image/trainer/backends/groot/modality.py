"""`meta/modality.json`, by which GR00T N1.6 knows what the numbers and the pictures of a dataset are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.robots import Camera

FILE: Final = "meta/modality.json"
WHOLE: Final = "robot"
"""What all numbers of a state, or of an action, are called together when the dataset does not divide them."""
TASK: Final = "human.task_description"
"""The sentence that the robot is told, as GR00T calls it."""
NUMBERS: Final = {"state": "observation.state", "action": "action"}


def modality_of(
    features: Mapping[str, Mapping[str, Any]], cameras: Sequence[Camera], own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The file for a dataset with these `features` of info.json; `own` is the one that it brought along.

    Cameras are called as the job's slots, or as the dataset's keys end when the job maps none. UserError when a camera, the
    state or the action is not there, or the file that was brought along goes beyond them.
    """
    pictures = [key for key, each in features.items() if each["dtype"] in {"image", "video"}]
    parts = {kind: _parts(kind, features, (own or {}).get(kind)) for kind in NUMBERS}
    video = {name: {"original_key": key} for name, key in _named(cameras, pictures).items()}
    return {**parts, "video": video, "annotation": {TASK: {"original_key": "task_index"}}}


def camera_keys(modality: Mapping[str, Any]) -> tuple[str, ...]:
    """The dataset's keys of the cameras that the file names."""
    return tuple(each["original_key"] for each in modality["video"].values())


def _named(cameras: Sequence[Camera], pictures: Sequence[str]) -> dict[str, str]:
    given = {each.slot: each.dataset_key for each in cameras if each.dataset_key}
    for slot, key in given.items():
        if key not in pictures:
            raise UserError(
                "CamerasInvalid",
                f"the dataset has no camera {key!r}.{did_you_mean(key, pictures)} It has: {', '.join(pictures) or 'none'}",
                param=f"spec.cameraMappings.{slot}",
            )
    named = given or {key.rsplit(".", 1)[-1]: key for key in pictures}
    if not named:
        raise UserError("DatasetInvalid", "the dataset has no camera, and GR00T sees", param="spec.datasets")
    return named


def _parts(kind: str, features: Mapping[str, Mapping[str, Any]], own: Mapping[str, Any] | None) -> dict[str, Any]:
    key = NUMBERS[kind]
    if key not in features:
        raise UserError("DatasetInvalid", f"the dataset has no {key!r}, which GR00T needs", param="spec.datasets")
    size = int(features[key]["shape"][0])
    parts = dict(own) if own else {WHOLE: {"start": 0, "end": size}}
    for name, part in parts.items():
        if not 0 <= int(part["start"]) < int(part["end"]) <= size:
            raise UserError(
                "DatasetInvalid",
                f"{FILE} says that {kind}.{name} is numbers {part['start']} to {part['end']} of {key}, which has {size}",
                param="spec.datasets",
                advice="Mend the file, or remove it: the numbers are then taken together.",
            )
    return parts

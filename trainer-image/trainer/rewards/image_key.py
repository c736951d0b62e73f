"""The one camera that a reward model looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.run import Run

PARAM: Final = "spec.reward.imageKey"


def reward_image_key(run: Run, image_keys: Sequence[str]) -> str:
    """The dataset's key of the camera: the one that is named, else the one that is mapped, else the only one there is.

    UserError (CamerasInvalid) when that is no camera of the dataset, or leaves several.
    """
    named = run.reward.image_key if run.reward else ""
    if named:
        return check_camera(named, image_keys, "reward.imageKey")
    mapped = tuple(dict.fromkeys(camera.dataset_key for camera in run.cameras if camera.dataset_key))
    candidates = mapped or tuple(image_keys)
    if len(candidates) == 1:
        return check_camera(candidates[0], image_keys, "cameraMappings", "spec.cameraMappings")
    raise UserError(
        "CamerasInvalid",
        f"a reward model looks at one camera, and {len(candidates)} are {'mapped' if mapped else 'there'}: "
        f"{', '.join(candidates) or 'the dataset has none'}",
        param=PARAM,
        advice="Set reward.imageKey to the one in which the progress of the task is seen best, often one from above.",
    )


def check_camera(key: str, image_keys: Sequence[str], where: str, param: str = PARAM) -> str:
    """The key itself; UserError (CamerasInvalid) when the dataset has no such camera. `where` it was read."""
    if key in image_keys:
        return key
    raise UserError(
        "CamerasInvalid",
        f"{where}: the dataset has no camera {key}.{did_you_mean(key, image_keys)} It has: {', '.join(image_keys)}",
        param=param,
        advice="Write one of the dataset's own keys.",
    )

"""What X-VLA alone has: an action space that must fit the dataset's actions, and cameras that it tells apart by their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.start import config_of
from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.recordings.cameras import CameraPlan

NAME: Final = "xvla"
SETTING: Final = "action_mode"
ANY: Final = "auto"
"""The space that takes as many numbers as the dataset has, all alike."""
NUMBERS: Final[Mapping[str, int]] = {
    "ee6d": 20,
    "joint": 14,
    "agibot_ee6d": 20,
    "franka_joint7": 7,
    "so101_bimanual": 12,
}
"""How many numbers an action has in each of LeRobot's other spaces, which know what each of them means."""
LEROBOTS: Final = "ee6d"
"""Where neither the base model nor the job says one."""
PARAM: Final = f"spec.hyperparameters.extra.{SETTING}"


def action_mode(run: Run, base: Path | None, numbers: int) -> str | None:
    """The space to put in the place of the base model's, whose actions are others than the dataset's with so many numbers.

    None: leave it. UserError (HyperparameterUnsupported) when the one that the job names is none, or too small.
    """
    given = run.hyperparameters.extra.get(SETTING)
    if isinstance(given, str):
        _check_given(given, numbers)
        return None
    own = config_of(base).get(SETTING, LEROBOTS) if base else LEROBOTS
    return None if own == ANY or NUMBERS.get(str(own)) == numbers else ANY


def warnings_of_xvla(run: Run, base: Path | None, cameras: CameraPlan, numbers: int) -> tuple[str, ...]:
    """What should be known about a training of X-VLA on a dataset whose actions have so many numbers."""
    return (*_changed(run, base, numbers), *_shifted(cameras))


def _check_given(given: str, numbers: int) -> None:
    known = (ANY, *NUMBERS)
    if given not in known:
        raise UserError(
            "HyperparameterUnsupported",
            f"extra.{SETTING} is '{given}', which is no action space of LeRobot's.{did_you_mean(given, known)}"
            f" There are: {', '.join(known)}",
            param=PARAM,
        )
    if numbers > NUMBERS.get(given, numbers):
        raise UserError(
            "HyperparameterUnsupported",
            f"extra.{SETTING} is '{given}', whose actions have {NUMBERS[given]} numbers, and those of the dataset have"
            f" {numbers}: the others would be cut off",
            param=PARAM,
            advice=f"Leave {SETTING} out, or say {ANY}.",
        )


def _changed(run: Run, base: Path | None, numbers: int) -> tuple[str, ...]:
    if action_mode(run, base, numbers) is None:
        return ()
    return (
        (
            f"the dataset's actions have {numbers} numbers, which is not what the base model's action space has: X-VLA is"
            f" trained with {SETTING} {ANY}, which takes them all alike; to keep a space, name it in extra.{SETTING}"
        ),
    )


def _shifted(cameras: CameraPlan) -> tuple[str, ...]:
    """LeRobot's own programs put pictures that are there first."""
    views = cameras.views
    hole = next((index for index, view in enumerate(views) if not view.dataset_key), len(views))
    if all(not view.dataset_key for view in views[hole:]):
        return ()
    return (
        (
            f"slot {views[hole].slot} is left out before others: X-VLA is trained with a masked picture there, and LeRobot's"
            " own programs would move later pictures up when they run the policy; leave the last slots out instead"
        ),
    )

"""`hyperparameters.extra` of a policy: settings of LeRobot's that a job may give besides, by their names there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.kinds import ANY_KIND
from trainer.contract.reading import shown
from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.backends.lerobot.kinds import Kind, Setting

PARAM: Final = "spec.hyperparameters.extra"
FLAGS: Final[Mapping[str, str]] = {
    "num_workers": "--num_workers",
    "tolerance_s": "--tolerance_s",
    "video_backend": "--dataset.video_backend",
}
"""Where the settings that every type has go; those of a type go to the policy."""
_IN_WORDS: Final[Mapping[Setting, str]] = {
    "count": "a whole number that is not negative",
    "number": "a number that is not negative",
    "flag": "true or false",
    "text": "a text",
    "text or null": "a text or null",
    "size": "two whole numbers, such as [256, 256]",
    "texts": "a list of texts",
    "mapping": "an object of texts",
}


def check_extra(name: str, kind: Kind, extra: Mapping[str, object]) -> None:
    """UserError for keys that the type `name` does not have, and for values that cannot be any of it."""
    known = {**kind.settings, **ANY_KIND}
    for key, value in extra.items():
        if key not in known:
            raise UserError(
                "HyperparameterUnsupported",
                f"extra.{key} is not known for {name}.{did_you_mean(key, known)} It knows: {', '.join(sorted(known))}",
                param=f"{PARAM}.{key}",
            )
        if not _fits(known[key], value):
            raise UserError(
                "HyperparameterUnsupported",
                f"extra.{key} is {shown(value)}, must be {_IN_WORDS[known[key]]}",
                param=f"{PARAM}.{key}",
            )


def extra_arguments(kind: Kind, extra: Mapping[str, object]) -> list[str]:
    """The settings as arguments of `lerobot-train`. What names a model beside the policy is none of them."""
    given = {key: value for key, value in extra.items() if key != kind.side}
    return [f"{FLAGS.get(key, f'--policy.{key}')}={as_argument(value)}" for key, value in given.items()]


def as_argument(value: object) -> str:
    """A JSON value as LeRobot's parser reads it: texts as they are, all else as JSON, which is YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def _fits(setting: Setting, value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    whole = number and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    if setting in {"count", "number"}:
        return whole if setting == "count" else number
    if setting == "flag":
        return isinstance(value, bool)
    if setting in {"text", "text or null"}:
        return isinstance(value, str) or (value is None and setting == "text or null")
    if setting == "mapping":
        return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    wanted = int if setting == "size" else str
    return (
        isinstance(value, list)
        and all(isinstance(each, wanted) and not isinstance(each, bool) for each in value)
        and (setting != "size" or len(value) == 2)  # noqa: PLR2004 - height and width
    )

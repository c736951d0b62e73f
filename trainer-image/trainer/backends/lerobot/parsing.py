"""The arguments parsed by LeRobot itself, on CPU, before a GPU is taken: what it will refuse there it refuses here."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.decoding import quiet_about_decoders
from trainer.contract.shortening import shorten
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.backends.lerobot.foreign import Foreign

LONGEST: Final = 400
"""Characters of LeRobot's words that a message repeats."""
_BEGINS: Final = re.compile(r".*\berror: |\w*Error: ", re.IGNORECASE)
"""A line that an error begins with; more may follow."""
_TRIED: Final = re.compile(r"`\w+`: Could not decode the value into any of the given types: \w+: ")
"""How the parser introduces what is wrong below a section that could be of several types."""


def parsed(arguments: Sequence[str]) -> Foreign:
    """LeRobot's whole configuration. UserError (HyperparameterUnsupported) with its own words when it refuses."""
    import lerobot.policies  # noqa: PLC0415 - heavy; the types make themselves known when they are imported
    import lerobot.rewards  # noqa: F401, PLC0415
    from lerobot.configs import parser  # noqa: PLC0415
    from lerobot.configs.train import TrainPipelineConfig  # noqa: PLC0415

    def resolved(config: Foreign) -> Foreign:
        config.validate()
        return config

    # LeRobot looks there for what to parse into.
    resolved.__annotations__ = {"config": TrainPipelineConfig}
    quiet_about_decoders()
    here = [each.replace(".device=cuda", ".device=cpu") for each in arguments]
    before, said = sys.argv, io.StringIO()
    sys.argv = ["lerobot-train", *here]
    try:
        with contextlib.redirect_stderr(said):
            return parser.wrap()(resolved)()
    except SystemExit as error:
        raise _refused(_together(here) or _in_words(said.getvalue(), error)) from error
    except Exception as error:
        raise _refused(_kept_reason(error) or f"{type(error).__name__}: {error}") from error
    finally:
        sys.argv = before


def reason_of(words: str) -> str:
    """What a parser's words come to: the last error with the lines that follow it, without the types that were tried."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    begin = next((index for index in range(len(lines) - 1, -1, -1) if _BEGINS.match(lines[index])), 0)
    return _TRIED.sub("", " ".join(lines[begin:])).removeprefix("error: ") or "it did not say why"


def _together(arguments: Sequence[str]) -> str:
    """Why settings that are each of the right kind make no configuration together; empty when that is not it.

    The parser tries every type that could be meant and then says only that none could be made, without the reason. Asked
    for the one type that is meant, it keeps the reason.
    """
    import draccus  # noqa: PLC0415 - see above
    from lerobot.configs import PreTrainedConfig  # noqa: PLC0415
    from lerobot.configs.rewards import RewardModelConfig  # noqa: PLC0415

    for name, family in (("policy", PreTrainedConfig), ("reward_model", RewardModelConfig)):
        begins = f"--{name}."
        own = dict(each.removeprefix(begins).split("=", 1) for each in arguments if each.startswith(begins))
        if "type" not in own:
            continue
        settings = [f"--{key}={value}" for key, value in own.items() if key != "type"]
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                draccus.parse(family.get_choice_class(own["type"]), args=settings)
        except SystemExit:
            return ""
        except Exception as error:  # noqa: BLE001 - of which it only has to be known whether it keeps a reason
            return _kept_reason(error)
    return ""


def _kept_reason(error: BaseException) -> str:
    """The words of a configuration that would not be made, behind the parser's own; empty when there are none."""
    begins = "Couldn't instantiate class"
    return str(error.__cause__ or "") if str(error).startswith(begins) else ""


def _in_words(said: str, error: BaseException) -> str:
    """What the parser printed, and what began it if it does not say that."""
    cause = _first_cause(error)
    # In the printed words the same lines are indented in another way.
    return reason_of(said if " ".join(cause.split()) in " ".join(said.split()) else f"{said}\n{cause}")


def _first_cause(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return "" if isinstance(error, SystemExit) else str(error)


def _refused(reason: str) -> UserError:
    return UserError(
        "HyperparameterUnsupported",
        f"LeRobot does not take these settings: {shorten(reason, LONGEST)}",
        param="spec.hyperparameters.extra",
        advice="Change what it names, or leave the setting out: then the type's own default is used.",
    )

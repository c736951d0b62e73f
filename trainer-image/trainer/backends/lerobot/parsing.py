"""The arguments parsed by LeRobot itself, on CPU, before a GPU is taken: what it will refuse there it refuses here."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.decoding import quiet_about_decoders
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.backends.lerobot.foreign import Foreign

LONGEST: Final = 400
"""Characters of LeRobot's words that a message repeats."""


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
    here = [each.replace("--policy.device=cuda", "--policy.device=cpu") for each in arguments]
    before, said = sys.argv, io.StringIO()
    sys.argv = ["lerobot-train", *here]
    try:
        with contextlib.redirect_stderr(said):
            return parser.wrap()(resolved)()
    except SystemExit as error:
        raise _refused(f"{said.getvalue()}\n{_first_cause(error)}") from error
    except Exception as error:
        raise _refused(f"{type(error).__name__}: {error}") from error
    finally:
        sys.argv = before


def _first_cause(error: BaseException) -> str:
    """What began it: the parser says only that a configuration could not be made."""
    while error.__context__ is not None:
        error = error.__context__
    return "" if isinstance(error, SystemExit) else str(error)


def _refused(words: str) -> UserError:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    # The reason follows on the lines after the one that says error.
    begin = next((index for index in range(len(lines) - 1, -1, -1) if "rror" in lines[index]), 0)
    reason = " ".join(lines[begin:]) or "it did not say why"
    return UserError(
        "HyperparameterUnsupported",
        f"LeRobot does not take these settings: {reason[:LONGEST]}",
        param="spec.hyperparameters.extra",
        advice="Change what it names, or leave the setting out: then the type's own default is used.",
    )

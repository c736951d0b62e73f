"""What decodes videos while LeRobot trains: torchcodec where it can be loaded, else PyAV."""

from __future__ import annotations

import importlib
import logging
from ctypes.util import find_library
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING: Final = "video_backend"
ASKED_BY: Final = "lerobot.utils.import_utils"
"""The logger of the module in which LeRobot looks for a default, whether one is given or not."""


def decoder() -> str:
    """Torchcodec where FFmpeg's libraries are, in a version that it was built for; PyAV brings its own."""
    if not find_library("avutil"):
        return "pyav"
    try:
        importlib.import_module("torchcodec")
    except (ImportError, OSError, RuntimeError):
        return "pyav"
    return "torchcodec"


def check_decoder(extra: Mapping[str, object], able: str) -> None:
    """UserError when a job wants torchcodec and `able`, what `decoder` says, is another: no frame could be decoded."""
    given = extra.get(SETTING)
    if given == "torchcodec" and able != given:
        raise UserError(
            "HyperparameterUnsupported",
            f"extra.{SETTING} is torchcodec, which cannot be loaded in this trainer image: FFmpeg's libraries are not in it",
            param=f"spec.hyperparameters.extra.{SETTING}",
            advice=f"Leave it out: then videos are decoded by {able}.",
        )


def quiet_about_decoders() -> None:
    """Keep LeRobot from printing, at each reading of its settings, at length why torchcodec cannot be its default."""
    logging.getLogger(ASKED_BY).addFilter(_says_nothing_of_torchcodec)


def _says_nothing_of_torchcodec(record: logging.LogRecord) -> bool:
    return "torchcodec" not in record.getMessage()

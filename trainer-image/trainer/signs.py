"""Signs of life: how the processes that train tell PID 1 that they get on, whatever else they are doing.

Each writes one short line over and over into a file of its own. PID 1 only looks whether it changes, so that nothing
that hangs in a process can hide it.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast, get_args

from trainer.contract.progress import Activity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER: Final = "FINETUNE_SIGNS"
"""Environment variable: the folder of the files, which PID 1 makes."""
STACKS_SIGNAL: Final = signal.SIGUSR1
"""By which PID 1 asks a process for the stacks of all its threads."""
_WIDTH: Final = 64
_SECONDS_BETWEEN: Final = 1.0
"""Of signs that tell nothing new."""


@dataclass(frozen=True, slots=True)
class Sign:
    """The `count`th sign of a process: what it does, after so many steps."""

    count: int = 0
    activity: Activity = "loading"
    step: int = 0


class Signs:
    """The signs that this process gives; none when PID 1 does not listen."""

    def __init__(self, path: Path | None) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600) if path else None
        self._last = Sign()
        self._at = 0.0

    def give(self, activity: Activity, step: int) -> None:
        """Say that this process is at work. Costs a microsecond."""
        now = time.monotonic()
        if self._handle is None or (self._same(activity, step) and now < self._at + _SECONDS_BETWEEN):
            return
        self._last, self._at = Sign(self._last.count + 1, activity, step), now
        line = f"{self._last.count} {activity} {step}"
        os.pwrite(self._handle, line.ljust(_WIDTH).encode(), 0)

    def _same(self, activity: Activity, step: int) -> bool:
        return self._last.count > 0 and (self._last.activity, self._last.step) == (activity, step)


def own_signs(folder: Path | None, environment: Mapping[str, str]) -> Signs:
    """The signs of this process among those of its pod."""
    return Signs(folder / f"signs-{environment.get('LOCAL_RANK', '0')}" if folder else None)


def read_signs(folder: Path) -> dict[str, Sign]:
    """The newest sign of each process that has given one, by the name of its file."""
    return {path.name: sign for path in sorted(folder.glob("signs-*")) if (sign := _parse(path)) is not None}


def _parse(path: Path) -> Sign | None:
    words = path.read_text(encoding="ascii", errors="replace").split()
    if len(words) != 3 or words[1] not in get_args(Activity) or not (words[0] + words[2]).isdigit():  # noqa: PLR2004 - as it is written above
        return None
    return Sign(int(words[0]), cast("Activity", words[1]), int(words[2]))

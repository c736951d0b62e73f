"""Trying again what failed for a reason that passes: a server that is busy, a connection that was cut."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from trainer.transfer.trouble import trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often and how patiently: the pauses double from `first_seconds`, each by chance between half and all of it."""

    tries: int = 6
    first_seconds: float = 1.0
    longest_seconds: float = 30.0
    wait: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def pause(self, failed: int) -> float:
        """Seconds before the next try, after so many failures in a row."""
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** (failed - 1))
        return whole * (0.5 + 0.5 * self.chance())

    def until_done(self, action: Callable[[], _Answer], progress: Callable[[], float] = lambda: 0.0) -> _Answer:
        """What `action` answers. Whatever it raises last is raised when nothing helps.

        Failures count anew once `progress` has grown: a long way over a bad line is no reason to give up.
        """
        failed, reached = 0, progress()
        while True:
            try:
                return action()
            except Exception as error:
                now = progress()
                failed, reached = (1, now) if now > reached else (failed + 1, reached)
                if trouble_of(error) != "transient" or failed >= self.tries:
                    raise
            self.wait(self.pause(failed))

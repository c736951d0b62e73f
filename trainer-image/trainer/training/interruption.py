"""SIGTERM: what it means depends on how far the stage is."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Interruption:
    """Listens for SIGTERM.

    Before training there is nothing to save: `end_at_once` is called, which must not return. While training runs, the
    signal is only noted in `asked`, and the end of the step acts on it. While a model is being finished it is ignored:
    finishing is short, and everything before it is in a checkpoint.
    """

    def __init__(self, end_at_once: Callable[[], None]) -> None:
        self.asked = False
        self._end_at_once: Callable[[], None] | None = end_at_once

    def listen(self) -> None:
        """Take the signal over from the default, which would end the process."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def defer(self) -> None:
        """From now on only note the signal."""
        self._end_at_once = None

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self._end_at_once is not None:
            self._end_at_once()

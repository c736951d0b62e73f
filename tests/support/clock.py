"""Time that passes when a test says so."""

from __future__ import annotations


class HandClock:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += seconds

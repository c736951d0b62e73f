"""A stretch of time with its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds of one optimizer step, and how they come about."""

    seconds: float
    words: str

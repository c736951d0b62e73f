"""Waiting on the cluster: look, and look again, until it is so or a deadline has passed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Value = TypeVar("Value")

PAUSE = 0.5  # seconds between two looks


def looks(look: Callable[[], Value], seconds: float) -> Iterator[Value]:
    """What `look` sees, again and again, until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while True:
        yield look()
        if time.monotonic() > deadline:
            return
        time.sleep(PAUSE)


def until(look: Callable[[], Value | None], seconds: float) -> Value | None:
    """The first thing that `look` sees, or None after `seconds`."""
    return next((seen for seen in looks(look, seconds) if seen is not None), None)

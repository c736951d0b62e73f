"""Waiting on a condition with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 0.05  # seconds between two looks


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until `condition` holds or `seconds` have passed; whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE)
    return True

"""What people read while they wait. It goes to standard error, so that `$(… path helm)` stays a path."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str) -> None:
    """Print one line at once."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, and say how long it took when it is done."""
    started = time.monotonic()
    say(f"  {text} …")
    yield
    say(f"  {text}: {time.monotonic() - started:.1f} s")

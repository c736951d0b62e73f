"""What people read while they wait. It goes to standard error, so that `$(… path helm)` stays a path."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.pulse import pulse


def say(text: str) -> None:
    """Print one line at once."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, say every so often that it goes on, and how long it took when it is done."""
    started = time.monotonic()
    say(f"  {text} …")
    with still_at_it():
        yield
    say(f"  {text}: {time.monotonic() - started:.1f} s")


@contextmanager
def still_at_it() -> Iterator[None]:
    """Say every so often that what was announced goes on."""
    with pulse(lambda seconds: say(f"    {seconds:.0f} s …")):
        yield

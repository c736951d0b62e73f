"""Long steps say what they do, how long it should take, and that they are still at it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Say = Callable[[str], None]

_PULSE_SECONDS = 15


@contextmanager
def step(say: Say, title: str, seconds: float) -> Iterator[None]:
    """Announce `title` and the `seconds` it should take, report every 15 seconds, and say how long it took."""
    say(f"{title} (about {seconds:.0f} s)")
    begun = time.monotonic()
    over = threading.Event()
    pulse = threading.Thread(target=_report, args=(say, title, seconds, over), daemon=True)
    pulse.start()
    try:
        yield
    finally:
        over.set()
        pulse.join()
    say(f"{title}: done in {time.monotonic() - begun:.1f} s")


def _report(say: Say, title: str, seconds: float, over: threading.Event) -> None:
    begun = time.monotonic()
    while not over.wait(_PULSE_SECONDS):
        say(f"  {title}: {time.monotonic() - begun:.0f} s of about {seconds:.0f} s")

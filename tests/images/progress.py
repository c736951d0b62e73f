"""Long steps say what they do, how long it should take, and that they are still at it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.pulse import pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Say = Callable[[str], None]


@contextmanager
def step(say: Say, title: str, seconds: float, at: Callable[[], str] = str) -> Iterator[None]:
    """Announce `title` and the `seconds` it should take, and say at the end how long it took.

    In between it reports every 15 seconds, with what `at` answers: where it is, in a few words.
    """
    say(f"{title} (about {seconds:.0f} s)")
    begun = time.monotonic()
    with pulse(lambda passed: say(f"  {passed:.0f} s of about {seconds:.0f} s  {at()}".rstrip())):
        yield
    say(f"{title}: done in {time.monotonic() - begun:.1f} s")

"""Long steps say that they are still at it. As a program: `python -m tests.pulse WORDS SECONDS -- COMMAND …`.

It needs the standard library only, so that it can run before anything is installed.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

PULSE_SECONDS = 15.0


@contextmanager
def pulse(report: Callable[[float], None], every: float = PULSE_SECONDS) -> Iterator[None]:
    """Call `report` with the seconds that have passed, every so often, from a thread and while the context lasts."""
    begun = time.monotonic()
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every):
            report(time.monotonic() - begun)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main(arguments: Sequence[str], every: float = PULSE_SECONDS) -> int:
    """Run a command, say the words before and every so often, and give its exit status."""
    words, about, _, *command = arguments
    print(f"{words} (about {about} s)", flush=True)
    with pulse(lambda seconds: print(f"  {seconds:.0f} s of about {about} s", flush=True), every):
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Follows a FineTuneJob to its end: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live

from tests.demo.evidence import evidence
from tests.demo.failure import DemoError
from tests.demo.kubectl import Json, Kubectl
from tests.demo.show import line, picture
from tests.demo.watch import states
from tests.pulse import PULSE_SECONDS

OVER = ("Succeeded", "Failed")
DEADLINE = 900.0  # seconds; the sample takes about thirty


def follow(kubectl: Kubectl, name: str, namespace: str, console: Console, seconds: float = DEADLINE) -> Json:
    """Show the job until it is over, and return it as it then is. Raises DemoError when that takes longer than `seconds`."""
    seen = _seen(kubectl, name, namespace, seconds)
    last = _live(seen, console) if console.is_terminal else in_lines(seen, console)
    if not _over(last):
        raise DemoError(
            f"The job {name} did not end within {seconds / 60:.0f} minutes.",
            "its status below says what it waits for; the demo can be run again at any time",
            evidence(kubectl, namespace),
        )
    return last


def in_lines(seen: Iterable[Json], console: Console, clock: Callable[[], float] = time.monotonic) -> Json:
    """Print a line for each new state, and every so often one for a state that lasts. Returns the last one."""
    job: Json = {}
    said, at = "", clock()
    for job in seen:
        words = line(job)
        if words != said or clock() - at >= PULSE_SECONDS:
            console.print(f"  {words}", markup=False, highlight=False, soft_wrap=True)
            said, at = words, clock()
    return job


def _seen(kubectl: Kubectl, name: str, namespace: str, seconds: float) -> Iterator[Json]:
    """The job, again and again, until it is over or the deadline has passed."""
    job: Json | None = None
    for state in states(kubectl, "finetunejobs", name, namespace, seconds):
        if state is None and job is not None:
            raise DemoError(f"Somebody deleted the job {name}.", "run the demo again")
        job = state or job
        if job is not None:
            yield job
            if _over(job):
                return


def _live(seen: Iterator[Json], console: Console) -> Json:
    job: Json = {}
    with Live(console=console, auto_refresh=False) as live:
        for job in seen:
            live.update(picture(job, datetime.now(UTC)), refresh=True)
    return job


def _over(job: Json) -> bool:
    return job.get("status", {}).get("phase") in OVER

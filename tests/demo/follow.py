"""Follows a FineTuneJob to its end: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live

from tests.demo.evidence import evidence
from tests.demo.failure import DemoError
from tests.demo.kubectl import Json, Kubectl
from tests.demo.show import line, picture
from tests.demo.watch import looks

OVER = ("Succeeded", "Failed")
DEADLINE = 900.0  # seconds; the sample takes about thirty


def follow(kubectl: Kubectl, name: str, namespace: str, console: Console) -> Json:
    """Show the job until it is over, and return it as it then is. Raises DemoError when it does not end in time."""
    states = _states(kubectl, name, namespace)
    last = _live(states, console) if console.is_terminal else _plain(states, console)
    if not _over(last):
        raise DemoError(
            f"The job {name} did not end within {DEADLINE / 60:.0f} minutes.",
            "its status below says what it waits for; the demo can be run again at any time",
            evidence(kubectl, namespace),
        )
    return last


def _states(kubectl: Kubectl, name: str, namespace: str) -> Iterator[Json]:
    """The job, again and again, until it is over or the deadline has passed."""
    for job in looks(lambda: kubectl.get("finetunejob", name, namespace), DEADLINE):
        if job is None:
            raise DemoError(f"Somebody deleted the job {name}.", "run the demo again")
        yield job
        if _over(job):
            return


def _live(states: Iterator[Json], console: Console) -> Json:
    job: Json = {}
    with Live(console=console, auto_refresh=False) as live:
        for job in states:
            live.update(picture(job, datetime.now(UTC)), refresh=True)
    return job


def _plain(states: Iterator[Json], console: Console) -> Json:
    job: Json = {}
    said = ""
    for job in states:
        if (words := line(job)) != said:
            console.print(f"  {words}", markup=False, highlight=False, soft_wrap=True)
            said = words
    return job


def _over(job: Json) -> bool:
    return job.get("status", {}).get("phase") in OVER

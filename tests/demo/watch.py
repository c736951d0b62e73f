"""Waiting on the cluster, always with a deadline: by a watch where one resource is waited on, by looking again elsewhere."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tests.demo.kubectl import Json, Kubectl

Value = TypeVar("Value")

PAUSE = 0.5  # seconds between two looks
BEAT = 1.0  # seconds after which a watched resource is given again, unchanged
END_OF_EVENT = b"\n"
CHUNK = 1 << 16


def until(look: Callable[[], Value | None], seconds: float) -> Value | None:
    """The first thing that `look` sees, or None after `seconds`."""
    deadline = time.monotonic() + seconds
    while (seen := look()) is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return seen


def states(kubectl: Kubectl, kind: str, name: str, namespace: str, seconds: float) -> Iterator[Json | None]:
    """One resource as it is now, each time that it changes, and at least every second; None while there is none.

    Ends after `seconds`. One kubectl serves for all of it: starting one for each look would cost more than the cluster.
    """
    deadline = time.monotonic() + seconds
    state: Json | None = None
    while time.monotonic() < deadline:
        with _watch(kubectl, kind, name, namespace) as watch:
            for events in _chunks(watch, deadline):
                for event in events:
                    state = None if event["type"] == "DELETED" else event["object"]
                yield state


@contextmanager
def _watch(kubectl: Kubectl, kind: str, name: str, namespace: str) -> Iterator[subprocess.Popen[bytes]]:
    which = (kind, f"--namespace={namespace}", f"--field-selector=metadata.name={name}")
    command = [str(kubectl.program), "get", *which, "--watch", "--output-watch-events", "--output=json"]
    process = subprocess.Popen(
        command, env=dict(kubectl.environment()), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _chunks(watch: subprocess.Popen[bytes], deadline: float) -> Iterator[list[Json]]:
    """The events that came together, or none after a beat; ends with the watch, which API servers close at times."""
    assert watch.stdout
    held = b""
    while (now := time.monotonic()) < deadline:
        if not select.select([watch.stdout], [], [], min(BEAT, deadline - now))[0]:
            yield []
            continue
        read = os.read(watch.stdout.fileno(), CHUNK)
        if not read:
            time.sleep(PAUSE)  # so that a cluster that is away is not asked in a hot loop
            return
        *whole, held = (held + read).split(END_OF_EVENT)
        yield [json.loads(each) for each in whole]

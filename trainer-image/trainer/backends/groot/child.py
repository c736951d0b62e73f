"""A trainer of somebody else as a child process: its lines read, its checkpoints watched, ended when the course says so.

GR00T's trainers neither listen to SIGTERM nor know a budget. So every end loses what came after the newest checkpoint; an
end that is not in a hurry waits for the first one.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import Broken, OutOfMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trainer.training.course import Course

LOOK_SECONDS: Final = 1.0
"""Between two looks at the folder of checkpoints and at the course."""
KILL_SECONDS: Final = 10.0
"""After SIGTERM; it has nothing to save."""
LAST_LINES: Final = 30
OUT_OF_MEMORY: Final = ("torch.OutOfMemoryError", "CUDA out of memory")


@dataclass(frozen=True, slots=True)
class Watching:
    """What is done with a child: `heard` takes each line, `looked` looks for checkpoints and says the newest step of ours."""

    heard: Callable[[str], None]
    looked: Callable[[], int]


def run_child(command: Sequence[str], environment: Mapping[str, str], course: Course, watching: Watching) -> None:
    """Run `command` until it ends or the course wants it to. Broken or OutOfMemory when it failed by itself.

    What it prints goes to our own output too. Its reason to end is in `course.stopped_by` afterwards.
    """
    with subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        last: list[str] = []
        looked = -LOOK_SECONDS
        try:
            for line in _lines(child):
                if line:
                    print(line, flush=True)
                    last = [*last[-LAST_LINES:], line]
                    watching.heard(line)
                # Many lines must not mean many looks.
                if time.monotonic() - looked >= LOOK_SECONDS:
                    looked = time.monotonic()
                    if _is_to_end(course, watching.looked()):
                        course.stopped_by = course.wish()
                        return
        finally:
            _end(child)
    if child.returncode:
        raise _failure(child.returncode, last)


def _is_to_end(course: Course, newest: int) -> bool:
    wish = course.wish()
    return wish == "terminated" or (wish != "go on" and newest > 0)


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """Its lines as they come, a bar that is drawn over itself too; an empty one every so often."""
    found: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(child, found), daemon=True)
    reader.start()
    while True:
        try:
            line = found.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            line = ""
        if line is None:
            child.wait()
            return
        yield line


def _read(child: subprocess.Popen[bytes], found: queue.Queue[str | None]) -> None:
    rest = b""
    while child.stdout and (piece := os.read(child.stdout.fileno(), 1 << 16)):
        *whole, rest = (rest + piece).replace(b"\r", b"\n").split(b"\n")
        for each in whole:
            if each.strip():
                found.put(each.decode(errors="replace"))
    if rest.strip():
        found.put(rest.decode(errors="replace"))
    found.put(None)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started: one process for each GPU, and those that load data."""
    for number, patience in ((signal.SIGTERM, KILL_SECONDS), (signal.SIGKILL, None)):
        if child.poll() is not None:
            break
        os.killpg(child.pid, number)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def _failure(code: int, last: Sequence[str]) -> Broken | OutOfMemory:
    if any(word in line for line in last for word in OUT_OF_MEMORY):
        return OutOfMemory(
            "OutOfMemory",
            "GR00T's trainer ran out of GPU memory",
            param="spec.hyperparameters.batchSize",
            advice="Lower batchSize, or choose an instance type with more GPU memory.",
        )
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    return Broken("TrainerFailed", f"GR00T's trainer {how}: {last[-1] if last else 'it said nothing'}")

"""What a kill costs: a training ended by SIGKILL between two checkpoints, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.trainer.documents import put
from tests.trainer.real_trainer import WITHIN, children
from tests.trainer_bench.rivals import Family, open_folder
from tests.trainer_bench.timing import LOOK_SECONDS, Clock, read_lines, steps_of_metrics
from trainer.workspace.checkpoints import all_checkpoints

EVERY: Final = 5
"""Steps between two checkpoints."""
BEYOND: Final = 3
"""Steps after a checkpoint at which the kill comes."""


@dataclass(frozen=True)
class Loss:
    """Seconds from the kill until the training was again where it had been, and of them those until its first new step."""

    seconds: float
    until_first_step: float
    steps_again: int


def kill_and_resume(family: Family, folder: Path) -> Loss:
    """Kill a training by SIGKILL a few steps behind a checkpoint, start it again at once, and see when it is back.

    Only where the trainer is a process of this host's: what a container runs is not its to kill.
    """
    workspace = open_folder(folder)
    document = family.run_document(workspace)
    document["checkpoints"] = {"everySeconds": 1800, "everySteps": EVERY, "keepLast": 2}
    reached = _killed_at(family, folder, document)
    checkpoint = next(each.step for each in all_checkpoints(workspace / "checkpoints") if each.complete)
    killed = time.monotonic()
    put(document, ["attempt"], 2)
    clock = _train(family, folder, document)
    back = [seconds for step, seconds in sorted(clock.seen.items()) if step > checkpoint]
    lost = clock.seen[reached] if reached in clock.seen else back[-1]
    waited = clock.began - killed
    return Loss(waited + lost, waited + back[0], reached - checkpoint)


def _killed_at(family: Family, folder: Path, document: dict[str, object]) -> int:
    """Start it and kill it; the newest step that it had made."""
    (folder / "run.json").write_text(json.dumps(document))
    metrics, over, clock = folder / "workspace/metrics.jsonl", threading.Event(), Clock()
    watcher = steps_of_metrics(metrics, clock, over)
    process = family.trainer.start("trainer", folder)
    _until(lambda: max(clock.seen, default=0) >= EVERY + BEYOND)
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
    process.communicate()
    over.set()
    watcher.join()
    return max(clock.seen)


def _train(family: Family, folder: Path, document: dict[str, object]) -> Clock:
    metrics = folder / "workspace/metrics.jsonl"
    metrics.rename(metrics.with_name("metrics-1.jsonl"))
    (folder / "run.json").write_text(json.dumps(document))
    over, clock = threading.Event(), Clock()
    watcher = steps_of_metrics(metrics, clock, over)
    read_lines(family.trainer.start("trainer", folder), lambda _line: None)
    over.set()
    watcher.join()
    return clock


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < end, f"not within {WITHIN:g} s"
        time.sleep(LOOK_SECONDS)

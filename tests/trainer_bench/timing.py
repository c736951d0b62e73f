"""When the steps of a training ended, seen from outside: in its lines, or in the metrics that it keeps."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.005
"""Between two looks at a file that grows: what an end of a step is known to."""
STEP_OF_LEROBOT: Final = re.compile(r"\bstep:(\d+)\b.*\bsmpl:")
STEP_OF_TRL: Final = re.compile(r"\{'loss':")


@dataclass(frozen=True)
class Timed:
    """Seconds after the program's start at which each step was seen to have ended, the first one first."""

    steps: tuple[float, ...]

    @property
    def first(self) -> float:
        """Seconds from the start of the program to the end of its first step."""
        return self.steps[0]

    @property
    def per_step(self) -> float:
        """Median seconds of a step after the first."""
        return statistics.median(later - sooner for sooner, later in zip(self.steps, self.steps[1:], strict=False))


@dataclass
class Clock:
    """Notes when steps are seen, from its making on."""

    began: float = field(default_factory=time.monotonic)
    seen: dict[int, float] = field(default_factory=dict)

    def see(self, step: int) -> None:
        """That step has ended; only the first look at it counts."""
        self.seen.setdefault(step, time.monotonic() - self.began)

    def timed(self) -> Timed:
        """Everything that was seen."""
        return Timed(tuple(self.seen[step] for step in sorted(self.seen)))


def read_lines(process: subprocess.Popen[str], hear: Callable[[str], None]) -> str:
    """Hear every line of the program until it ends; returns all that it printed. AssertionError when it fails."""
    said: list[str] = []
    for line in process.stdout or ():
        said.append(line)
        hear(line)
    code = process.wait()
    output = "".join(said)
    assert code == 0, f"the program ended with {code}:\n{output[-4000:]}"
    return output


def steps_of_lerobot(clock: Clock) -> Callable[[str], None]:
    """Hears the lines of `lerobot-train --log_freq=1`."""

    def hear(line: str) -> None:
        if match := STEP_OF_LEROBOT.search(line):
            clock.see(int(match.group(1)))

    return hear


def steps_of_trl(clock: Clock) -> Callable[[str], None]:
    """Hears the lines of `trl sft --logging_steps 1`."""

    def hear(line: str) -> None:
        if STEP_OF_TRL.search(line):
            clock.see(len(clock.seen) + 1)

    return hear


def steps_of_metrics(file: Path, clock: Clock, over: threading.Event) -> threading.Thread:
    """Watches a `metrics.jsonl` until told that it is over."""

    def watch() -> None:
        read = 0
        while not over.wait(LOOK_SECONDS):
            if not file.exists():
                continue
            text = file.read_text(encoding="utf-8")
            if len(text) > read and text.endswith("\n"):
                for step in logged_steps(text[read:].splitlines()):
                    clock.see(step)
                read = len(text)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def logged_steps(lines: Iterable[str]) -> Iterable[int]:
    """The steps that lines of `metrics.jsonl` tell the loss of."""
    for line in map(json.loads, lines):
        if "loss" in line:
            yield line["step"]


def share_of_waiting(lines: Iterable[str]) -> float | None:
    """The median share of a step's time spent waiting for data, by `metrics.jsonl`; None when it does not tell."""
    shares = [line["dataShare"] for line in map(json.loads, lines) if "dataShare" in line]
    return statistics.median(shares) if shares else None

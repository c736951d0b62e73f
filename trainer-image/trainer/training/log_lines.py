"""The lines that this process prints, kept until the operator has them: few, short, with a level and without secrets."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import deque
from contextlib import contextmanager
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Final, TextIO, cast

from trainer.contract.progress import LONGEST_LOG_LINE, MOST_LOG_LINES, Level, LogLine
from trainer.contract.shortening import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

LARGEST: Final = 32 * 1024
"""Bytes of the lines of one push, whose body must not be larger than 64 KiB."""
LONGEST_BEGUN: Final = 4096
"""Characters that are kept of a line that has not ended."""
_LEVELS: Final[Mapping[Level, re.Pattern[str]]] = {
    "error": re.compile(
        r"\W*(?:CRITICAL|FATAL|ERROR)\b|Traceback \(|[\w.]*(?:Error|Exception)\b:|\W*(?:rank\d+\W*)?E\d{4} "
    ),
    "warning": re.compile(r"\W*WARN(?:ING)?\b|.*\b\w*Warning: |\W*(?:rank\d+\W*)?W\d{4} "),
    "debug": re.compile(r"\W*DEBUG\b"),
}
"""How lines of a level begin: as the logging module, Python's warnings and tracebacks, and torch write them."""
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_METRICS: Final = re.compile(r"\{(?:'.*, )?'(?:loss|eval_loss|train_runtime|train_loss)': ")
"""How transformers prints metrics, which are reported as such."""


def level_of(line: str) -> Level:
    """The level that a line shows by its beginning; `info` when it shows none."""
    return next((level for level, start in _LEVELS.items() if start.match(line)), "info")


class LogLines:
    """The newest lines that have not been told yet, from any thread. `mask` takes secrets out; `now` is in UTC."""

    def __init__(self, mask: Callable[[str], str], now: Callable[[], datetime]) -> None:
        self._mask = mask
        self._now = now
        self._lock = threading.Lock()
        self._lines: deque[LogLine] = deque(maxlen=MOST_LOG_LINES)
        self._seen = 0
        self._told = 0

    def add(self, line: str) -> None:
        """Keep a line; the oldest goes when there are too many."""
        text = self._mask(_CONTROL.sub("", line).rstrip())
        if not text or _METRICS.match(text):
            return
        kept = LogLine(self._timestamp(), level_of(text), shorten(text, LONGEST_LOG_LINE))
        with self._lock:
            self._lines.append(kept)
            self._seen += 1

    def untold(self) -> tuple[int, list[LogLine]]:
        """The lines to tell, and what `told` is to be called with once they have been."""
        with self._lock:
            seen, new = self._seen, self._seen - self._told
            lines = [*self._lines][len(self._lines) - min(new, len(self._lines)) :]
        fitting = _newest_that_fit(lines)
        left_out = new - len(fitting)
        if not left_out:
            return seen, fitting
        fitting = fitting[1:] if len(fitting) == MOST_LOG_LINES else fitting
        note = f"{new - len(fitting)} lines are left out here; the pod's log has them"
        return seen, [LogLine(fitting[0].timestamp if fitting else self._timestamp(), "info", note), *fitting]

    def told(self, seen: int) -> None:
        """The operator has the lines up to here."""
        with self._lock:
            self._told = seen

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds")


@contextmanager
def listening(lines: LogLines) -> Iterator[None]:
    """Keep what this process prints until left; it is printed all the same."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Echo(stream, lines.add)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Echo:
    """A stream that also gives every whole line to `keep`."""

    def __init__(self, stream: TextIO, keep: Callable[[str], None]) -> None:
        self._stream = stream
        self._keep = keep
        self._begun = ""

    def write(self, text: str) -> int:
        *whole, begun = (self._begun + text).split("\n")
        # A progress bar may never end its line.
        self._begun = begun if len(begun) < LONGEST_BEGUN else begun.rpartition("\r")[2][:LONGEST_BEGUN]
        for line in whole:
            # Of a progress bar, which writes over its line, the last state.
            self._keep(line.rstrip("\r").rpartition("\r")[2])
        return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _newest_that_fit(lines: list[LogLine]) -> list[LogLine]:
    sizes = accumulate(len(json.dumps(line.to_json())) for line in reversed(lines))
    many = sum(1 for _ in takewhile(lambda size: size <= LARGEST, sizes))
    return lines[len(lines) - many :]

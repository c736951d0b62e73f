"""The last lines that a run's trainer printed, as they are kept once its pods are gone: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from finetune_operator.planning.progress import LogLine

MOST_LINES: Final = 500
MOST_BYTES: Final = 128 * 1024


def written(line: LogLine, attempt: int) -> str:
    """A line of the log: ``{"timestamp": …, "attempt": 1, "level": "info", "message": …}``."""
    time = line.timestamp.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document = {"timestamp": time, "attempt": attempt, "level": line.level, "message": line.message}
    return json.dumps(document, ensure_ascii=False)


def news(known: Sequence[str], lines: Sequence[str]) -> list[str]:
    """What of ``lines`` follows on ``known``: who got no answer sends again what was taken already."""
    for overlap in range(min(len(known), len(lines)), 0, -1):
        if list(known[-overlap:]) == list(lines[:overlap]):
            return list(lines[overlap:])
    return list(lines)


def extended(log: str, lines: Sequence[str]) -> str:
    """The log with more lines at its end, cut at its begin: at most 500 lines and 128 KiB of UTF-8."""
    held = log.split("\n")[:-1]
    return "".join(f"{line}\n" for line in last([*held, *news(held, lines)]))


def last(lines: Sequence[str], most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> list[str]:
    """The last lines, as many as there is room for."""
    kept: list[str] = []
    room = most_bytes
    for line in reversed(lines[-most_lines:]):
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept[::-1]

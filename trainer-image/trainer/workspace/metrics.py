"""metrics.jsonl: one line per logged step, appended by every attempt.

After a kill the next attempt repeats the steps since the last checkpoint: the last line of a step is the valid one.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from trainer.workspace.jsonfile import number_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def append_metrics(path: Path, place: Mapping[str, object], metrics: Mapping[str, float]) -> None:
    """Add a line: `place` says time, attempt, step and epoch. Numbers that are not finite are left out."""
    line = {**place, **{name: value for name, value in metrics.items() if math.isfinite(value)}}
    torn = _ends_without_newline(path)
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + json.dumps(line, allow_nan=False) + "\n")


def first_loss(path: Path, since: int = 1) -> float | None:
    """The loss of the first step that was logged by attempt `since` or a later one; None when no step was logged yet."""
    losses = (line["loss"] for line in read_metrics(path) if "loss" in line and number_at(line, "attempt") >= since)
    return next((float(loss) for loss in losses if isinstance(loss, int | float)), None)


def read_metrics(path: Path) -> Iterator[dict[str, object]]:
    """The lines of the file in order; a line that a kill tore in two is passed over."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line: object = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def _ends_without_newline(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"

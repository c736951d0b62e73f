"""The marker of a checkpoint, COMPLETE.json: what makes it count, and what it says about the training until then."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trainer.workspace.jsonfile import number_at, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MARKER: Final = "COMPLETE.json"
_METRICS: Final = ("loss", "evalLoss")


@dataclass(frozen=True, slots=True)
class Mark:
    """What was so when the checkpoint was taken: in run `run`, at `time` (ISO 8601), after so many seconds of that run.

    `metrics` has the loss, and evalLoss when an evaluation was made at that very step. `method` is what cannot change
    while a training goes on; empty when the marker does not tell.
    """

    time: str
    run: int = 0
    training_seconds: float = 0.0
    wasted_seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    method: Mapping[str, object] = field(default_factory=dict)

    def useful_seconds(self, run: int) -> float:
        """Training seconds of run `run` that the checkpoint holds the work of."""
        return self.training_seconds - self.wasted_seconds if self.run == run else 0.0


def read_mark(folder: Path) -> Mark:
    """The marker of the checkpoint in `folder`, read without trust."""
    document = read_json(folder / MARKER)
    method = document.get("method")
    return Mark(
        time=str(document.get("time", "")),
        run=int(number_at(document, "run")),
        training_seconds=number_at(document, "trainingSeconds"),
        wasted_seconds=number_at(document, "wastedSeconds"),
        metrics={name: number_at(document, name) for name in _METRICS if isinstance(document.get(name), int | float)},
        method=method if isinstance(method, dict) else {},
    )


def write_mark(folder: Path, place: Mapping[str, int], mark: Mark) -> None:
    """Make the checkpoint in `folder` count; `place` says step and attempt. Everything else must be on the disk."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MARKER)
    write_json(
        folder / MARKER,
        {
            **place,
            "run": mark.run,
            "trainingSeconds": round(mark.training_seconds, 3),
            "wastedSeconds": round(mark.wasted_seconds, 3),
            "time": mark.time,
            **mark.metrics,
            "method": mark.method,
            "files": {str(path.relative_to(folder)): path.stat().st_size for path in files},
        },
    )


def marked_files(folder: Path) -> dict[str, object]:
    """The size of every file that the marker names; empty when it makes no sense. OSError when it cannot be read."""
    try:
        marker: object = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except ValueError:
        return {}
    files = marker.get("files") if isinstance(marker, dict) else None
    return files if isinstance(files, dict) else {}

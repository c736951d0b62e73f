"""Checkpoints: which count, which is the newest sound one, and which may go.

A checkpoint is a folder `attempt-<n>/checkpoint-<step>`. It counts when its marker COMPLETE.json exists; the marker is
written last, after everything else has reached the disk, and lists every file with its size.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.workspace.durability import make_readable, sync
from trainer.workspace.jsonfile import number_at, read_json, write_json
from trainer.workspace.soundness import damage_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

MARKER: Final = "COMPLETE.json"
_FOLDER: Final = re.compile(r"checkpoint-(\d+)")
_ATTEMPT: Final = re.compile(r"attempt-(\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Checkpoint:
    """A checkpoint's folder. Later ones are greater: by step, then by attempt."""

    step: int
    attempt: int
    path: Path

    @property
    def marker(self) -> Path:
        """The file whose existence makes it count."""
        return self.path / MARKER

    @property
    def complete(self) -> bool:
        """Whether the marker is there."""
        return self.marker.is_file()


def all_checkpoints(root: Path) -> list[Checkpoint]:
    """Every checkpoint folder under `root` (complete or not), newest first."""
    found = [
        Checkpoint(step=int(step.group(1)), attempt=int(attempt.group(1)), path=folder)
        for parent in _folders(root)
        if (attempt := _ATTEMPT.fullmatch(parent.name))
        for folder in _folders(parent)
        if (step := _FOLDER.fullmatch(folder.name))
    ]
    return sorted(found, reverse=True)


def sound_checkpoints(root: Path) -> Iterator[Checkpoint]:
    """The checkpoints that an attempt may go on from, newest first; says on standard output why one is passed over."""
    for checkpoint in all_checkpoints(root):
        problem = damage(checkpoint)
        if problem is None:
            yield checkpoint
        else:
            print(f"checkpoint {checkpoint.step} of attempt {checkpoint.attempt} is passed over: {problem}", flush=True)


def damage(checkpoint: Checkpoint) -> str | None:
    """Why a checkpoint cannot be used, in words; None when sizes, headers and checksums say that it can.

    OSError when the volume does not let it be read: that says nothing about the checkpoint.
    """
    if not checkpoint.complete:
        return "it was never completed"
    files = _marked_files(checkpoint)
    if not files:
        return f"its {MARKER} cannot be read"
    for name, size in files.items():
        problem = damage_of_file(checkpoint.path / name, size)
        if problem is not None:
            return f"{name} {problem}"
    return None


def mark_complete(
    checkpoint: Checkpoint, training_seconds: float, now: datetime, eval_loss: float | None = None
) -> None:
    """Write the marker: first everything else is made readable and brought to the disk.

    `eval_loss` is that of an evaluation at the checkpoint's own step.
    """
    files = sorted(path for path in checkpoint.path.rglob("*") if path.is_file() and path.name != MARKER)
    for path in files:
        make_readable(path)
        sync(path)
    sync(checkpoint.path)
    write_json(
        checkpoint.marker,
        {
            "step": checkpoint.step,
            "attempt": checkpoint.attempt,
            "trainingSeconds": round(training_seconds, 3),
            "time": now.isoformat(timespec="seconds"),
            **({} if eval_loss is None else {"evalLoss": eval_loss}),
            "files": {str(path.relative_to(checkpoint.path)): path.stat().st_size for path in files},
        },
    )


def _marked_files(checkpoint: Checkpoint) -> dict[str, object]:
    try:
        marker: object = json.loads(checkpoint.marker.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    files = marker.get("files") if isinstance(marker, dict) else None
    return files if isinstance(files, dict) else {}


def marked_seconds(checkpoint: Checkpoint) -> float:
    """Training seconds when the checkpoint was taken."""
    return number_at(read_json(checkpoint.marker), "trainingSeconds")


def best_checkpoints(root: Path, places: int) -> list[Checkpoint]:
    """The complete checkpoints with the lowest evaluation losses, at most `places`, best first; of equals the older."""
    losses = {
        checkpoint: float(loss)
        for checkpoint in reversed(all_checkpoints(root))
        if checkpoint.complete and isinstance(loss := read_json(checkpoint.marker).get("evalLoss"), int | float)
    }
    return sorted(losses, key=lambda checkpoint: losses[checkpoint])[:places]


def rotate(root: Path, keep_last: int, attempt: int, keep_best: int = 0) -> list[Checkpoint]:
    """Remove all but the newest `keep_last` and the best `keep_best` complete checkpoints.

    What older attempts left half-written goes too; `attempt` is the running one: its own half-written folder is left
    alone. Returns what was removed.
    """
    checkpoints = all_checkpoints(root)
    best = best_checkpoints(root, keep_best)
    complete = [checkpoint for checkpoint in checkpoints if checkpoint.complete]
    half_written = [each for each in checkpoints if not each.complete and each.attempt < attempt]
    return _remove([each for each in complete[keep_last:] if each not in best] + half_written)


def discard_newer(root: Path, step: int) -> list[Checkpoint]:
    """Remove the damaged checkpoints after `step`, from which an attempt goes on; OSError when one cannot be read.

    Left there they would pass for the newest ones, and rotation would keep them instead of sound ones. Says on standard
    output what is removed and why, and returns it.
    """
    newer = [each for each in all_checkpoints(root) if each.step > step]
    damaged = [(each, problem) for each in newer if (problem := damage(each)) is not None]
    for each, problem in damaged:
        print(f"checkpoint {each.step} of attempt {each.attempt} is removed: {problem}", flush=True)
    return _remove([each for each, _ in damaged])


def _remove(checkpoints: list[Checkpoint]) -> list[Checkpoint]:
    for checkpoint in checkpoints:
        # First the marker, so that a removal that is cut short leaves no checkpoint that seems to count.
        checkpoint.marker.unlink(missing_ok=True)
        shutil.rmtree(checkpoint.path, ignore_errors=True)
    return checkpoints


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []

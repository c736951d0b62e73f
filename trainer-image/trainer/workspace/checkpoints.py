"""Checkpoints: which count, which is the newest sound one, and which may go.

A checkpoint is a folder `attempt-<n>/checkpoint-<step>`. It counts when its marker COMPLETE.json exists; the marker is
written last, after everything else has reached the disk, and lists every file with its size.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.workspace.durability import make_readable, sync
from trainer.workspace.fence import check_fence
from trainer.workspace.marker import MARKER, Mark, marked_files, read_mark, write_mark
from trainer.workspace.soundness import damage_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def all_checkpoints(root: Path, since: int = 1) -> list[Checkpoint]:
    """Every checkpoint folder of attempt `since` or later under `root` (complete or not), newest first."""
    found = [
        Checkpoint(step=int(step.group(1)), attempt=int(attempt.group(1)), path=folder)
        for parent in _folders(root)
        if (attempt := _ATTEMPT.fullmatch(parent.name)) and int(attempt.group(1)) >= since
        for folder in _folders(parent)
        if (step := _FOLDER.fullmatch(folder.name))
    ]
    return sorted(found, reverse=True)


def sound_checkpoints(root: Path, since: int = 1) -> Iterator[Checkpoint]:
    """The checkpoints that an attempt may go on from, newest first; says on standard output why one is passed over."""
    for checkpoint in all_checkpoints(root, since):
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
    files = marked_files(checkpoint.path)
    if not files:
        return f"its {MARKER} cannot be read"
    for name, size in files.items():
        problem = damage_of_file(checkpoint.path / name, size)
        if problem is not None:
            return f"{name} {problem}"
    return None


def bring_to_disk(checkpoint: Checkpoint) -> None:
    """Make everything that was saved readable, and return when it is on the disk."""
    for path in checkpoint.path.rglob("*"):
        if path.is_file() and path.name != MARKER:
            make_readable(path)
            sync(path)
    sync(checkpoint.path)


def mark_complete(checkpoint: Checkpoint, mark: Mark, fence: Path) -> None:
    """Let a checkpoint count that is on the disk. Interrupted when a newer attempt has taken the workspace meanwhile."""
    check_fence(fence, checkpoint.attempt)
    write_mark(checkpoint.path, {"step": checkpoint.step, "attempt": checkpoint.attempt}, mark)


def best_checkpoints(root: Path, places: int, since: int = 1) -> list[Checkpoint]:
    """The complete checkpoints with the lowest evaluation losses, at most `places`, best first; of equals the older."""
    losses = {
        checkpoint: loss
        for checkpoint in reversed(all_checkpoints(root, since))
        if checkpoint.complete and (loss := read_mark(checkpoint.path).metrics.get("evalLoss")) is not None
    }
    return sorted(losses, key=lambda checkpoint: losses[checkpoint])[:places]


@dataclass(frozen=True, slots=True)
class Retention:
    """Which complete checkpoints are kept: the newest `keep_last` and the best `keep_best`, of attempts from `since` on."""

    keep_last: int
    keep_best: int = 0
    since: int = 1


def rotate(root: Path, retention: Retention, attempt: int) -> list[Checkpoint]:
    """Remove the complete checkpoints that are not kept; `attempt` is the running one, which has just completed one.

    What older attempts left half-written goes too; its own half-written folder is left alone. Returns what was removed.
    """
    checkpoints = all_checkpoints(root)
    best = best_checkpoints(root, retention.keep_best, retention.since)
    complete = [each for each in checkpoints if each.complete and each.attempt >= retention.since]
    too_many = [each for each in complete[retention.keep_last :] if each not in best]
    half_written = [each for each in checkpoints if not each.complete and retention.since <= each.attempt < attempt]
    not_counting = [each for each in checkpoints if each.attempt < retention.since]
    return _remove(too_many + half_written + not_counting)


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

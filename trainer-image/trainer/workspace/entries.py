"""The checkpoints of a workspace as progress lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.contract.progress import MOST_CHECKPOINTS, CheckpointEntry
from trainer.workspace.checkpoints import all_checkpoints, best_checkpoints
from trainer.workspace.marker import read_mark

if TYPE_CHECKING:
    from trainer.workspace.checkpoints import Checkpoint
    from trainer.workspace.layout import Workspace


def entries(workspace: Workspace, since: int) -> tuple[CheckpointEntry, ...]:
    """The complete checkpoints of attempt `since` or later, oldest first: the best, and as many of the newest as fit."""
    complete = [each for each in all_checkpoints(workspace.checkpoints, since) if each.complete]
    best = best_checkpoints(workspace.checkpoints, 1, since)
    listed = [*best, *(each for each in complete if each not in best)][:MOST_CHECKPOINTS]
    return tuple(_entry(workspace, each) for each in sorted(listed))


def _entry(workspace: Workspace, checkpoint: Checkpoint) -> CheckpointEntry:
    mark = read_mark(checkpoint.path)
    return CheckpointEntry(
        step=checkpoint.step,
        attempt=checkpoint.attempt,
        path=str(checkpoint.path.relative_to(workspace.root)),
        time=mark.time,
        training_seconds=mark.training_seconds,
        metrics=mark.metrics,
    )

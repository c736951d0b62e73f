"""The checkpoints of a job as its status lists them: those that the trainer says are complete and there."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.course import MOST_CHECKPOINTS, CheckpointRecord
from finetune_operator.planning.outcome import workspace_uri
from finetune_operator.planning.progress import Checkpoint
from finetune_operator.planning.standing import View

LONGEST_URI: Final = 512


def checkpoints_of(view: View) -> tuple[CheckpointRecord, ...]:
    """As last reported, oldest first: what rotation removed goes with the next report.

    Without a report that tells of checkpoints the status keeps what it has.
    """
    pushed = view.observed.progress
    if pushed is None or pushed.checkpoints is None:
        return view.job.status.checkpoints
    workspace = workspace_uri(view.job)
    placed = ((each, f"{workspace}/{each.path}") for each in pushed.checkpoints)
    records = (_record(each, uri) for each, uri in placed if len(uri) <= LONGEST_URI)
    return tuple(records)[-MOST_CHECKPOINTS:]


def _record(checkpoint: Checkpoint, uri: str) -> CheckpointRecord:
    return CheckpointRecord(
        step=checkpoint.step,
        attempt=checkpoint.attempt,
        uri=uri,
        time=checkpoint.time,
        training_seconds=checkpoint.training_seconds,
        metrics=dict(checkpoint.metrics),
    )

"""A checkpoint whose files are written is made to count, and those that are too many go: the same for every family."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trainer.workspace.checkpoints import Checkpoint, Retention, bring_to_disk, mark_complete, rotate
from trainer.workspace.fence import check_fence
from trainer.workspace.marker import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where one attempt keeps checkpoints and which of them; `root` is the folder of all attempts' checkpoints.

    `method` is what cannot change while a training goes on from one.
    """

    workspace: Workspace
    root: Path
    attempt: int
    number: int
    retention: Retention
    method: Mapping[str, object]

    def folder(self, step: int) -> Path:
        """Where this attempt's checkpoint of `step` goes."""
        return self.root / f"attempt-{self.attempt}" / f"checkpoint-{step}"


def keeping_of(run: Run, workspace: Workspace, root: Path, method: Mapping[str, object]) -> Keeping:
    """How a run keeps the checkpoints of one training."""
    rules, best = run.checkpoints, int(run.output.select == "best")
    retention = Retention(rules.keep_last, rules.keep_best or best, run.resume_from)
    return Keeping(workspace, root, run.attempt, run.number, retention, method)


def complete(keeping: Keeping, course: Course, step: int, eval_loss: float | None) -> None:
    """Bring the checkpoint of `step` to the disk, mark it, and let the ones go that are not kept.

    `eval_loss` when an evaluation was made at that very step. Interrupted when a newer attempt is here. Only for the
    first process.
    """
    fence = keeping.workspace.fence
    check_fence(fence, keeping.attempt)
    checkpoint = Checkpoint(step=step, attempt=keeping.attempt, path=keeping.folder(step))
    bring_to_disk(checkpoint)
    check_fence(fence, keeping.attempt)  # that may have taken minutes
    course.keep_ledger(keeping.workspace.ledger)
    mark_complete(checkpoint, _mark(keeping, course, eval_loss), fence)
    rotate(keeping.root, keeping.retention, keeping.attempt)
    print(f"checkpoint {step} is complete", flush=True)


def _mark(keeping: Keeping, course: Course, eval_loss: float | None) -> Mark:
    now = course.progress
    loss = {"loss": now.metrics["loss"]} if "loss" in now.metrics else {}
    return Mark(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        run=keeping.number,
        training_seconds=now.training_seconds,
        wasted_seconds=now.wasted_seconds,
        metrics={**loss, **({} if eval_loss is None else {"evalLoss": eval_loss})},
        method=keeping.method,
    )

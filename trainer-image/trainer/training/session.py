"""One attempt's stay in the workspace: fenced, with its seconds kept and its progress told."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from trainer.contract.progress import Progress, progress_body
from trainer.training.clock import TrainingClock
from trainer.training.course import Course
from trainer.training.heartbeat import Heartbeat
from trainer.training.log_lines import LogLines, listening
from trainer.training.masking import Masking
from trainer.training.push import SECONDS_BETWEEN_PUSHES, Endpoint, pause_after, push
from trainer.workspace.entries import entries
from trainer.workspace.fence import check_fence, check_owner, holds_fence, take_fence
from trainer.workspace.finished import check_free
from trainer.workspace.ledger import read_ledger
from trainer.workspace.metrics import first_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainer.contract.run import Run
    from trainer.signs import Signs
    from trainer.training.interruption import Interruption
    from trainer.workspace.layout import Workspace

SECONDS_BETWEEN_ENTRIES: Final = 10.0
"""Of the ledger; the contract allows 30."""


def open_course(run: Run, workspace: Workspace, interruption: Interruption, signs: Signs | None = None) -> Course:
    """The course of an attempt that begins: on top of what earlier attempts of its run used and measured."""
    loss = first_loss(workspace.metrics, run.resume_from)
    ledger = read_ledger(workspace.ledger, run.number)
    listed = entries(workspace, run.resume_from)
    progress = Progress(
        attempt=run.attempt,
        activity="loading",
        checkpoint_step=max((each.step for each in listed), default=0),
        metrics={} if loss is None else {"firstLoss": loss},
        wasted_seconds=ledger.wasted_seconds,
        checkpoints=listed,
    )
    # An attempt may have several pods: what the operator told an earlier one is newer than run.json.
    returns = ledger.budget_seconds > 0 and holds_fence(workspace.fence, run.attempt)
    budget = ledger.budget_seconds if returns else run.limits.training_seconds
    clock = TrainingClock(ledger.training_seconds, budget, time.monotonic)
    return Course(progress, clock, interruption, run=run.number, signs=signs)


@contextmanager
def in_charge(run: Run, workspace: Workspace, course: Course, environment: Mapping[str, str]) -> Iterator[None]:
    """Take the fence, then keep the ledger and push progress until left. Interrupted when a newer attempt is here.

    UserError (OutputOccupied) when the workspace, or the place of the model, is not this job's. Only for the first
    process of a training: one writer per workspace.
    """
    # Before the fence: a job that is refused leaves no claim behind.
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    take_fence(workspace.fence, run.job, run.attempt)
    endpoint = Endpoint.from_environment(environment)
    with ExitStack() as beats:
        beats.enter_context(Heartbeat("ledger", SECONDS_BETWEEN_ENTRIES, lambda: _keep_ledger(run, workspace, course)))
        if endpoint is not None:
            lines = LogLines(Masking(environment), lambda: datetime.now(UTC))
            beats.enter_context(Heartbeat("progress", SECONDS_BETWEEN_PUSHES, lambda: _tell(endpoint, course, lines)))
            beats.enter_context(listening(lines))
        yield


def _keep_ledger(run: Run, workspace: Workspace, course: Course) -> None:
    # An attempt that was taken over must not overwrite what the newer one counts.
    check_fence(workspace.fence, run.attempt)
    course.keep_ledger(workspace.ledger)


def _tell(endpoint: Endpoint, course: Course, lines: LogLines) -> float:
    """Seconds until the next report."""
    seen, untold = lines.untold()
    reply = push(endpoint, progress_body(course.progress, datetime.now(UTC), untold))
    lines.told(seen)
    course.obey(reply)
    return pause_after(reply)

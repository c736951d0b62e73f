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
from trainer.training.push import SECONDS_BETWEEN_PUSHES, Endpoint, push
from trainer.workspace.fence import check_owner, take_fence
from trainer.workspace.finished import check_free
from trainer.workspace.ledger import read_ledger
from trainer.workspace.metrics import first_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainer.contract.run import Run
    from trainer.training.interruption import Interruption
    from trainer.workspace.layout import Workspace

SECONDS_BETWEEN_ENTRIES: Final = 10.0
"""Of the ledger; the contract allows 30."""


def open_course(run: Run, workspace: Workspace, interruption: Interruption) -> Course:
    """The course of an attempt that begins: on top of what earlier attempts used and measured."""
    loss = first_loss(workspace.metrics)
    progress = Progress(attempt=run.attempt, activity="loading", metrics={} if loss is None else {"firstLoss": loss})
    used = read_ledger(workspace.ledger).training_seconds
    return Course(progress, TrainingClock(used, run.limits.training_seconds, time.monotonic), interruption)


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
        beats.enter_context(Heartbeat("ledger", SECONDS_BETWEEN_ENTRIES, lambda: course.keep_ledger(workspace.ledger)))
        if endpoint is not None:
            beats.enter_context(Heartbeat("progress", SECONDS_BETWEEN_PUSHES, lambda: _tell(endpoint, course)))
        yield


def _tell(endpoint: Endpoint, course: Course) -> None:
    course.obey(push(endpoint, progress_body(course.progress, datetime.now(UTC))))

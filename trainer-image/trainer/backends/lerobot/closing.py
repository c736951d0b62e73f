"""The end of a policy's training without a step more: what a checkpoint holds becomes the model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trainer.backends.lerobot.finishing import Trained, finish
from trainer.distributed.agreement import first_ones, is_first
from trainer.distributed.meeting import is_loss, together
from trainer.failures import UserError
from trainer.training.ending import verdict_of_training
from trainer.training.method import check_method
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import sound_checkpoints
from trainer.workspace.marker import read_mark

if TYPE_CHECKING:
    from trainer.backends.lerobot.setting_up import Setup
    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.training.course import Course
    from trainer.workspace.checkpoints import Checkpoint
    from trainer.workspace.layout import Workspace


def finish_newest(run: Run, workspace: Workspace, course: Course, setup: Setup) -> Verdict:
    """Finish the model of the newest sound checkpoint; UserError (NoCheckpoint) when there is none."""
    with together(course.sign):
        checkpoints = first_ones(sound_checkpoints(workspace.checkpoints, run.resume_from))
        train_from_newest(checkpoints, partial(_take_newest, run, course, setup), is_loss)
    course.stopped_by = "stopped"
    return conclude(run, workspace, course, setup)


def conclude(run: Run, workspace: Workspace, course: Course, setup: Setup) -> Verdict:
    """Finish what was made, which the first process does: the verdicts of the others tell the result alone."""
    course.turn_to("finishing")
    # The clock counts training; what follows is not stopped by a budget.
    course.clock.stop()
    if not is_first():
        return verdict_of_training(run, course.stopped_by, course.position)
    return finish(run, workspace, Trained(setup, course.stopped_by, course.position))


def go_on_from(run: Run, course: Course, setup: Setup, checkpoint: Checkpoint | None) -> None:
    """Charge what was lost since the checkpoint; UserError (MethodChanged) when it is of another method."""
    mark = read_mark(checkpoint.path) if checkpoint else None
    course.goes_on_from(mark)
    if checkpoint is not None and mark is not None:
        check_method(setup.method(run), checkpoint.step, mark.method)


def take_as_it_is(course: Course, checkpoint: Checkpoint, epochs_per_step: float) -> None:
    """The course is where the checkpoint left it."""
    course.begin(checkpoint.step)
    course.advance(checkpoint.step, checkpoint.step * epochs_per_step, 0)
    course.measured(read_mark(checkpoint.path).metrics)


def _take_newest(run: Run, course: Course, setup: Setup, checkpoint: Checkpoint | None) -> None:
    if checkpoint is None:
        raise UserError(
            "NoCheckpoint",
            "the job was stopped, and there is no sound checkpoint to make a model of",
            param="spec.stop",
            advice="To train on, set stop to false and raise restartGeneration.",
        )
    go_on_from(run, course, setup, checkpoint)
    plan = setup.plan(run)
    course.planned(plan.total_steps or checkpoint.step, plan.total_epochs)
    take_as_it_is(course, checkpoint, plan.batch / plan.frames)

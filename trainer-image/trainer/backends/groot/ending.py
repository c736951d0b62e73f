"""The end of a training of GR00T: the newest sound checkpoint becomes the model."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from trainer.backends.groot.writings import take_model
from trainer.contract.verdict import Verdict
from trainer.failures import UserError
from trainer.workspace.checkpoints import sound_checkpoints
from trainer.workspace.fence import check_fence
from trainer.workspace.finished import clear_staging, describe, place_of_training, put_in_place
from trainer.workspace.marker import read_mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.result import Result
    from trainer.contract.run import Run
    from trainer.training.course import Course, StopReason
    from trainer.workspace.layout import Workspace

ENDS: Final[Mapping[StopReason, tuple[Result, str]]] = {
    "go on": ("completed", ""),
    "no better": ("completed", ""),
    "deadline": ("deadline", "; the training hours are used up"),
    "stopped": ("stopped", "; stopped as asked"),
}
"""Why a training ended → its result, and how the verdict's sentence ends."""


def finish_newest(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Make no step: the newest sound checkpoint becomes the model. UserError (NoCheckpoint) when there is none."""
    newest = next(sound_checkpoints(workspace.checkpoints, run.resume_from), None)
    if newest is None:
        raise UserError(
            "NoCheckpoint",
            "the job was stopped, and there is no sound checkpoint to make a model of",
            param="spec.stop",
            advice="To train on, set stop to false and raise restartGeneration.",
        )
    course.goes_on_from(read_mark(newest.path))
    course.begin(newest.step)
    course.stopped_by = "stopped"
    return finished(run, workspace, course)


def finished(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """The model of the newest sound checkpoint put in place, and the verdict that goes with it."""
    course.turn_to("finishing")
    course.clock.stop()
    newest = next(sound_checkpoints(workspace.checkpoints, run.resume_from))
    course.measured(read_mark(newest.path).metrics)
    # What came after it is not in the model.
    position = dataclasses.replace(course.position, step=newest.step)
    result, remark = ENDS[course.stopped_by]
    message = f"trained {newest.step} of {max(newest.step, position.total_steps)} steps{remark}"
    clear_staging(workspace)
    staging, place = workspace.staging("train", run.attempt), place_of_training(workspace, run)
    take_model(newest, staging, run.model.type)
    artifact = describe(staging, place.folder.name, "model")
    verdict = Verdict("train", run.attempt, result, message, position=position, artifact=artifact)
    check_fence(workspace.fence, run.attempt)
    put_in_place(place, staging, verdict, run)
    return verdict

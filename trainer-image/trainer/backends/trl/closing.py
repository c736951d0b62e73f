"""The end of a training without a step more: what a checkpoint holds becomes the model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from trainer.backends.trl.finishing import Trained, finish
from trainer.backends.trl.loading import load_trained
from trainer.backends.trl.materials import load_tokenizer
from trainer.backends.trl.starting_point import starting_point
from trainer.distributed.agreement import first_ones, is_first
from trainer.distributed.meeting import is_loss, together
from trainer.failures import UserError
from trainer.training.ending import verdict_of_training
from trainer.training.method import check_method, method_of
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import sound_checkpoints
from trainer.workspace.jsonfile import number_at, read_json
from trainer.workspace.marker import read_mark

if TYPE_CHECKING:
    from trainer.backends.trl.encoding import ChatTokenizer
    from trainer.backends.trl.starting_point import StartingPoint
    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.training.course import Course
    from trainer.workspace.checkpoints import Checkpoint
    from trainer.workspace.layout import Workspace


def finish_newest(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Finish the model of the newest sound checkpoint; UserError (NoCheckpoint) when there is none."""
    start, tokenizer = starting_point(run), load_tokenizer(run)
    with together(course.sign):
        checkpoints = first_ones(sound_checkpoints(workspace.checkpoints, run.resume_from))
        model = train_from_newest(checkpoints, partial(_take_newest, run, start, course), is_loss)
    course.stopped_by = "stopped"
    return conclude(run, workspace, course, (model, tokenizer, start))


def conclude(run: Run, workspace: Workspace, course: Course, made: tuple[Any, ChatTokenizer, StartingPoint]) -> Verdict:
    """Finish what was made, which the first process does: the verdicts of the others tell the result alone."""
    course.turn_to("finishing")
    # The clock counts training; what follows is not stopped by a budget.
    course.clock.stop()
    if not is_first():
        return verdict_of_training(run, course.stopped_by, course.position)
    return finish(run, workspace, Trained(*made, course.stopped_by, course.position))


def go_on_from(run: Run, start: StartingPoint, course: Course, checkpoint: Checkpoint | None) -> None:
    """Charge what was lost since the checkpoint; UserError (MethodChanged) when it is of another method."""
    mark = read_mark(checkpoint.path) if checkpoint else None
    course.goes_on_from(mark)
    if checkpoint is not None and mark is not None:
        check_method(method_of(run.hyperparameters, continued=start.adapter is not None), checkpoint.step, mark.method)


def take_as_it_is(run: Run, start: StartingPoint, course: Course, checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    """The model of a checkpoint, in the first process; the course is where the checkpoint left it."""
    model = load_trained(run, start, checkpoint.path) if is_first() else None
    state = read_json(checkpoint.path / "trainer_state.json")
    course.begin(checkpoint.step)
    course.advance(checkpoint.step, number_at(state, "epoch"), int(number_at(state, "num_input_tokens_seen")))
    course.measured(read_mark(checkpoint.path).metrics)
    return model


def _take_newest(run: Run, start: StartingPoint, course: Course, checkpoint: Checkpoint | None) -> Any:  # noqa: ANN401 - see above
    if checkpoint is None:
        raise UserError(
            "NoCheckpoint",
            "the job was stopped, and there is no sound checkpoint to make a model of",
            param="spec.stop",
            advice="To train on, set stop to false and raise restartGeneration.",
        )
    go_on_from(run, start, course, checkpoint)
    state = read_json(checkpoint.path / "trainer_state.json")
    planned = int(number_at(state, "max_steps"))
    course.planned(planned, number_at(state, "epoch") * planned / max(1, checkpoint.step))
    return take_as_it_is(run, start, course, checkpoint)

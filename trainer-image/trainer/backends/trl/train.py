"""Stage train: from the newest sound checkpoint to a finished model, whatever happens on the way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from trl import SFTTrainer

from trainer.backends.trl.agreement import agree, is_first, wait_for_all
from trainer.backends.trl.arguments import sft_config
from trainer.backends.trl.finishing import finish
from trainer.backends.trl.loading import check_hardware, load_model, load_trained, lora_config
from trainer.backends.trl.materials import SPLITS, gather_materials
from trainer.backends.trl.steering import EvaluationGivenUp, Steered, Steering
from trainer.backends.trl.token_columns import TokenColumns
from trainer.failures import Interrupted, OutOfMemory
from trainer.training.plan import Plan, learning_rate_factor, make_plan
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import Checkpoint, sound_checkpoints
from trainer.workspace.jsonfile import number_at, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.backends.trl.materials import Materials
    from trainer.contract.run import Run, Split
    from trainer.contract.verdict import Verdict
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class Training:
    """All that one attempt trains with."""

    run: Run
    workspace: Workspace
    course: Course
    materials: Materials
    rows: Mapping[Split, TokenColumns]
    plan: Plan


def train(run: Run, workspace: Workspace, course: Course) -> Verdict | None:
    """Train and finish the model. Only the first process returns a verdict, the others None.

    Ends early by UserError, Broken, OutOfMemory or Interrupted.
    """
    check_hardware(run)
    rows: dict[Split, TokenColumns] = {split: TokenColumns() for split in SPLITS}
    materials = gather_materials(run, {split: columns.append for split, columns in rows.items()})
    plan = make_plan(run.hyperparameters, materials.train.rows, int(os.environ.get("WORLD_SIZE", "1")))
    course.planned(plan.total_steps, plan.total_epochs)
    training = Training(run, workspace, course, materials, rows, plan)
    try:
        checkpoints = sound_checkpoints(workspace.checkpoints)
        model = train_from_newest(checkpoints, partial(_train_from, training), partial(_is_end, course))
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(training, error) from error
    if course.stopped_by == "terminated":
        raise Interrupted(
            "Terminated", f"asked to end by SIGTERM; checkpoint {course.progress.checkpoint_step} is complete"
        )
    course.turn_to("finishing")
    # The clock counts training; what follows is not stopped by a budget.
    course.clock.stop()
    end = (course.stopped_by, course.position)
    return finish(run, workspace, (model, materials.tokenizer), end) if is_first() else None


def _is_end(course: Course, error: Exception) -> bool:
    """Whether an error while loading a checkpoint is none of the checkpoint's."""
    return course.began or isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError)


def _train_from(training: Training, checkpoint: Checkpoint | None) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    course = training.course
    if checkpoint is not None and (checkpoint.step >= training.plan.total_steps or course.reading.used_up):
        return _nothing_left(training, checkpoint)
    print(f"training starts {f'again after step {checkpoint.step}' if checkpoint else 'from the model'}", flush=True)
    trainer = _trainer(training)
    trainer.train(resume_from_checkpoint=os.fspath(checkpoint.path) if checkpoint else None)
    wait_for_all()
    return trainer.accelerator.unwrap_model(trainer.model)


def _nothing_left(training: Training, checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - see above
    """The model of a checkpoint after which no step is to be made: an attempt was killed while it finished."""
    model = load_trained(training.run, checkpoint.path)
    state = read_json(checkpoint.path / "trainer_state.json")
    training.course.begin(checkpoint.step)
    training.course.advance(checkpoint.step, number_at(state, "epoch"), int(number_at(state, "num_input_tokens_seen")))
    if checkpoint.step < training.plan.total_steps:
        training.course.stopped_by = "deadline"
    return model


class _Trainer(SFTTrainer):  # type: ignore[misc]
    """TRL's trainer with our learning-rate schedule, which knows about the budget of hours."""

    training: Training

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:  # noqa: ANN401 - transformers' signature
        """Make the schedule once; on resume transformers restores where it was."""
        del num_training_steps
        plan, course = self.training.plan, self.training.course
        agree(course)
        # Known to transformers under this name; it asks once for each training.
        self.lr_scheduler: Any = LambdaLR(
            optimizer or self.optimizer, lambda step: learning_rate_factor(plan, step, course.reading.share)
        )
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def evaluate(self, *args: Any, **options: Any) -> dict[str, float]:  # noqa: ANN401 - transformers' signature
        """Evaluate, unless the training is to end meanwhile: then save, if that has not been done, and end."""
        try:
            metrics: dict[str, float] = super().evaluate(*args, **options)
        except EvaluationGivenUp:
            print("the evaluation is given up: the training is to end", flush=True)
            # Half an evaluation must not show up in what is logged at the end.
            self._metrics["eval"].clear()
            self.model.train()
            saved = self.training.course.progress.checkpoint_step
            self.control.should_save = self.control.should_save or saved < self.state.global_step
            self.control.should_training_stop = True
            return {}
        return metrics


def _trainer(training: Training) -> _Trainer:
    run, rows = training.run, training.rows
    model = load_model(run)
    evaluates = training.materials.validation.rows > 0
    trainer = _Trainer(
        model=model,
        args=sft_config(run, training.plan, training.workspace.attempt_checkpoints(run.attempt)),
        train_dataset=rows["train"].dataset(),
        eval_dataset=rows["validation"].dataset() if evaluates else None,
        processing_class=training.materials.tokenizer,
        peft_config=lora_config(run, model),
        callbacks=[Steering(Steered(run, training.workspace, training.course, evaluates))],
    )
    trainer.training = training
    return trainer


def _out_of_memory(training: Training, error: torch.OutOfMemoryError) -> OutOfMemory:
    plan, batch = training.plan, training.run.hyperparameters.batch_size
    gibibytes = torch.cuda.get_device_properties(0).total_memory / 2**30
    return OutOfMemory(
        "GpuOutOfMemory",
        f"the GPU's {gibibytes:.0f} GiB do not hold {plan.micro_batch} rows of up to {training.materials.train.longest}"
        f" tokens at once (batchSize {batch} is {plan.micro_batch} rows, {plan.accumulation} times, in each process): {error}",
        param="spec.hyperparameters.batchSize",
        advice="Lower batchSize or contextLength, use LoRA, or choose an instance type with more GPU memory.",
    )

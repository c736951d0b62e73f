"""Stage train: from the newest sound checkpoint to a finished model, whatever happens on the way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.lr_scheduler import LambdaLR

from trainer.backends.trl.abilities import check_abilities
from trainer.backends.trl.arguments import sft_config
from trainer.backends.trl.closing import conclude, finish_newest, go_on_from, take_as_it_is
from trainer.backends.trl.loading import load_model, load_to_train, load_trained, lora_config
from trainer.backends.trl.materials import SPLITS, gather_materials
from trainer.backends.trl.sharding import load_to_share, share_of
from trainer.backends.trl.sharing_trainer import SharingTrainer
from trainer.backends.trl.steering import EvaluationGivenUp, Steered, Steering
from trainer.backends.trl.token_columns import TokenColumns
from trainer.backends.trl.trackers import tracker_environment
from trainer.distributed.agreement import agree, first_ones, is_first, processes, wait_for_all
from trainer.distributed.meeting import is_loss, together
from trainer.failures import Broken, Interrupted, OutOfMemory
from trainer.training.devices import check_hardware
from trainer.training.method import method_of
from trainer.training.plan import Plan, learning_rate_factor, make_plan
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import Checkpoint, sound_checkpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasets import Dataset

    from trainer.backends.trl.encoding import EncodedRow, Keep
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
    rows: Mapping[Split, Dataset]
    plan: Plan


def train(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Train and finish the model; with `finish` only the latter. The verdict of the first process tells about it.

    Ends early by UserError, Broken, OutOfMemory or Interrupted.
    """
    check_abilities(run)
    check_hardware(run)
    if run.finish:
        return finish_newest(run, workspace, course)
    training = _training(run, workspace, course)
    try:
        with together(course.sign):
            checkpoints = first_ones(sound_checkpoints(workspace.checkpoints, run.resume_from))
            model = train_from_newest(checkpoints, partial(_train_from, training), partial(_is_end, course))
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(training, error) from error
    if course.stopped_by == "terminated":
        course.clock.stop()
        raise Interrupted(
            "Terminated", f"asked to end by SIGTERM; checkpoint {course.progress.checkpoint_step} is complete"
        )
    return conclude(run, workspace, course, (model, training.materials.tokenizer, training.materials.start))


def _training(run: Run, workspace: Workspace, course: Course) -> Training:
    """Everything read, checked, in tokens and planned."""
    columns: dict[Split, TokenColumns] = {split: TokenColumns() for split in SPLITS}
    materials = gather_materials(run, {split: _keeping(columns[split], course) for split in SPLITS})
    packs = run.hyperparameters.packing
    rows: dict[Split, Dataset] = {
        "train": columns["train"].packed(materials.longest) if packs else columns["train"].dataset(),
        "validation": columns["validation"].dataset(),
    }
    plan = make_plan(run.hyperparameters, len(rows["train"]), run.hardware)
    if plan is None:
        raise Broken(
            "RunInvalid", "neither epochs nor steps are known, or no batchSize"
        )  # run.json tells them in this stage
    course.planned(plan.total_steps, plan.total_epochs)
    return Training(run, workspace, course, materials, rows, plan)


def _keeping(column: TokenColumns, course: Course) -> Keep:
    """Keeps rows, each of them a sign of life: many of them take long."""

    def keep(row: EncodedRow) -> None:
        column.append(row)
        course.sign()

    return keep


def _is_end(course: Course, error: Exception) -> bool:
    """Whether an error while loading a checkpoint is none of the checkpoint's."""
    return course.began or is_loss(error) or isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError)


def _train_from(training: Training, checkpoint: Checkpoint | None) -> Any:  # noqa: ANN401 - a transformers or PEFT model of any class
    course = training.course
    go_on_from(training.run, training.materials.start, course, checkpoint)
    if checkpoint is not None and (checkpoint.step >= training.plan.total_steps or course.reading.used_up):
        return _nothing_left(training, checkpoint)
    print(f"training starts {f'again after step {checkpoint.step}' if checkpoint else 'from the model'}", flush=True)
    trainer = _trainer(training, checkpoint)
    trainer.train(resume_from_checkpoint=os.fspath(checkpoint.path) if checkpoint else None)
    wait_for_all()
    return _last_saved(training) if processes() > 1 else trainer.accelerator.unwrap_model(trainer.model)


def _last_saved(training: Training) -> Any:  # noqa: ANN401 - see above
    """The model that several processes have trained: none holds it whole, and each end of a training is saved."""
    run, course = training.run, training.course
    if course.stopped_by == "terminated" or not is_first():
        return None
    folder = training.workspace.attempt_checkpoints(run.attempt) / f"checkpoint-{course.progress.checkpoint_step}"
    return load_trained(run, training.materials.start, folder)


def _nothing_left(training: Training, checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - see above
    """The model of a checkpoint after which no step is to be made: an attempt was killed while it finished, or no more are planned."""
    model = take_as_it_is(training.run, training.materials.start, training.course, checkpoint)
    if checkpoint.step < training.plan.total_steps:
        training.course.stopped_by = "deadline"
    return model


class _Trainer(SharingTrainer):
    """TRL's trainer with our learning-rate schedule, which knows about the budget of hours."""

    training: Training

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:  # noqa: ANN401 - transformers' signature
        """Make the schedule once; on resume transformers restores where it was."""
        del num_training_steps
        plan, course = self.training.plan, self.training.course
        agree(course)
        if self.is_fsdp_enabled:
            print(share_of(self.model), flush=True)
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


def _trainer(training: Training, checkpoint: Checkpoint | None) -> _Trainer:
    run, rows = training.run, training.rows
    os.environ.update(tracker_environment(run))
    model, read_once = load_to_share(partial(_model, training, checkpoint))
    evaluates, start = training.materials.validation.rows > 0, training.materials.start
    every = (run.evaluation.every_steps or training.plan.evaluate_every) if evaluates else 0
    method = method_of(run.hyperparameters, continued=start.adapter is not None)
    trainer = _Trainer(
        model=model,
        args=sft_config(run, training.plan, training.workspace.attempt_checkpoints(run.attempt), read_once=read_once),
        train_dataset=rows["train"],
        eval_dataset=rows["validation"] if evaluates else None,
        processing_class=training.materials.tokenizer,
        peft_config=lora_config(run, model),
        callbacks=[Steering(Steered(run, training.workspace, training.course, every, method))],
    )
    trainer.training = training
    if processes() > 1 and checkpoint is not None and run.hyperparameters.lora.enabled:
        trainer.take_adapter(checkpoint.path)
    return trainer


def _model(training: Training, checkpoint: Checkpoint | None) -> Any:  # noqa: ANN401 - see above
    """The model to train. Several processes cannot load a checkpoint's whole weights later, once they share them."""
    run, start = training.run, training.materials.start
    if processes() > 1 and checkpoint is not None and not run.hyperparameters.lora.enabled:
        return load_model(run, start, weights=checkpoint.path)
    return load_to_train(run, start)


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

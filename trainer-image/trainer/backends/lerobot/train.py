"""Stage train of a policy: from the newest sound checkpoint to a finished model, whatever happens on the way."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainer.backends.lerobot.arguments import optimizer_settings, policy_arguments, resuming, tracker_environment
from trainer.backends.lerobot.backbone import backbone_in_place, backbone_of
from trainer.backends.lerobot.building import refusal_of
from trainer.backends.lerobot.closing import conclude, finish_newest, go_on_from, take_as_it_is
from trainer.backends.lerobot.holes import check_cameras, keep_places
from trainer.backends.lerobot.loaded_weights import check_loaded
from trainer.backends.lerobot.loop import NotMade, train_loop
from trainer.backends.lerobot.prepare import prepare
from trainer.backends.lerobot.rewards.phase import before_policy, mark_before_policy, policy_phase, reward_phase
from trainer.backends.lerobot.rewards.weighting import weighting_arguments
from trainer.backends.lerobot.setting_up import frames_ahead, set_up
from trainer.backends.lerobot.side_models import in_their_places
from trainer.backends.lerobot.start import staged
from trainer.backends.lerobot.steering import Steered, Steering
from trainer.backends.preparation import prepare_first
from trainer.distributed.agreement import first_ones, is_first, wait_for_all
from trainer.distributed.meeting import is_loss, together
from trainer.failures import Interrupted, OutOfMemory
from trainer.recordings.frames_ahead import memory_limit
from trainer.rewards.ways import weighs
from trainer.training.completing import keeping_of
from trainer.training.devices import check_hardware
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import sound_checkpoints
from trainer.workspace.metrics import read_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.backends.lerobot.foreign import Foreign
    from trainer.backends.lerobot.planning import StepPlan
    from trainer.backends.lerobot.setting_up import Setup
    from trainer.backends.lerobot.start import Start
    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.recordings.frames_ahead import FramesAhead
    from trainer.training.course import Course
    from trainer.workspace.checkpoints import Checkpoint
    from trainer.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class Training:
    """All that one attempt trains with."""

    run: Run
    workspace: Workspace
    course: Course
    setup: Setup
    plan: StepPlan


def train(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Train and finish the model; with `finish` only the latter. The verdict of the first process tells about it.

    Ends early by UserError, Broken, OutOfMemory or Interrupted.
    """
    check_hardware(run)
    if run.finish:
        return finish_newest(run, workspace, course, set_up(run, workspace))
    prepares = prepare_first(run, workspace, prepare)
    course.sign()
    # The others read and make nothing before the first process has looked at it.
    with together(course.sign, prepares=prepares):
        setup = set_up(run, workspace)
        training = Training(run, workspace, course, setup, setup.plan(run))
        course.planned(training.plan.total_steps or 0, training.plan.total_epochs)
        _tell_memory(frames_ahead(run, setup))
        with in_their_places(setup.sides), backbone_in_place(setup.backbone):
            _train(training)
    if course.stopped_by == "terminated":
        course.clock.stop()
        raise Interrupted(
            "Terminated", f"asked to end by SIGTERM; checkpoint {course.progress.checkpoint_step} is complete"
        )
    return conclude(run, workspace, course, setup)


def _tell_memory(ahead: FramesAhead) -> None:
    """What the frames need of this pod's memory, which stage prepare cannot know."""
    if is_first():
        limit = memory_limit()
        print(ahead.told(limit), flush=True)
        warning = ahead.warning(limit)
        if warning:
            print(f"warning: {warning}", flush=True)


def _train(training: Training) -> None:
    """What comes before the policy, and the policy. OutOfMemory with what did not fit."""
    run, workspace, course = training.run, training.workspace, training.course
    try:
        if weighs(run):
            reward_phase(before_policy(run, workspace, course, training.setup.gathered))
        checkpoints = first_ones(sound_checkpoints(workspace.checkpoints, run.resume_from))
        train_from_newest(checkpoints, partial(_train_from, training), partial(_is_end, course))
        wait_for_all()
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(training, error) from error


def _is_end(course: Course, error: Exception) -> bool:
    """Whether an error while loading a checkpoint is none of the checkpoint's."""
    return course.began or is_loss(error) or isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError)


def _train_from(training: Training, checkpoint: Checkpoint | None) -> None:
    run, course, total = training.run, training.course, training.plan.total_steps
    go_on_from(run, course, training.setup, checkpoint)
    if checkpoint is None:
        course.goes_on_from(mark_before_policy(run, training.workspace))
    if checkpoint is not None and (course.reading.used_up or (total is not None and checkpoint.step >= total)):
        take_as_it_is(course, checkpoint, training.plan.batch / training.plan.frames)
        if total is None or checkpoint.step < total:
            course.stopped_by = "deadline"
        return
    print(f"training starts {f'again after step {checkpoint.step}' if checkpoint else 'from the model'}", flush=True)
    with tempfile.TemporaryDirectory(prefix="lerobot-") as folder:
        _run_loop(training, checkpoint, Path(folder))


def _run_loop(training: Training, checkpoint: Checkpoint | None, folder: Path) -> None:
    run, setup, plan = training.run, training.setup, training.plan
    if run.hyperparameters.precision == "bf16" and not setup.kind.precise:
        # LeRobot asks torch which precision its autocast has, which is fp16 on GPUs by itself.
        torch.set_autocast_dtype("cuda" if run.hardware.gpus else "cpu", torch.bfloat16)
    backbone, _ = backbone_of(run, setup.kind)
    base = staged(setup.start, folder / "start")
    arguments = policy_arguments(run, setup.setting(plan, base, backbone), folder / "nowhere")
    arguments += weighting_arguments(run, training.workspace)
    if checkpoint is not None:
        arguments = resuming(arguments, setup.kind, checkpoint.path)
    losses = _measured_losses(training, checkpoint)
    steering = Steering(_steered(training, checkpoint), losses)
    os.environ.update(tracker_environment(run))
    _train_loop(arguments, steering, None if checkpoint else setup.start)
    training.course.stopped_by = steering.ended_by


def _train_loop(arguments: Sequence[str], steering: Steering, start: Start | None) -> None:
    """Train. UserError when no policy can be made, where stage prepare could not try. `start` None: a checkpoint goes on."""
    try:
        train_loop(arguments, steering)
    except NotMade as error:
        why = error.__cause__ or error
    else:
        return
    raise (refusal_of(why, start) if start is not None else None) or why


def _steered(training: Training, checkpoint: Checkpoint | None) -> Steered:
    run, setup, plan = training.run, training.setup, training.plan
    measures = bool(setup.gathered.validation_episodes)
    return Steered(
        run=run,
        course=training.course,
        keeping=keeping_of(run, training.workspace, training.workspace.checkpoints, setup.method(run)),
        schedule=plan.schedule,
        total_steps=plan.total_steps,
        log_every=plan.log_every,
        evaluates_every=(run.evaluation.every_steps or plan.evaluate_every) if measures else 0,
        validation_episodes=setup.gathered.validation_episodes,
        phase=policy_phase(run, training.workspace),
        settings=optimizer_settings(run),
        check=partial(_check_first_batch, training, checkpoint),
    )


def _check_first_batch(
    training: Training,
    checkpoint: Checkpoint | None,
    fetched: Mapping[str, Foreign],
    batch: Mapping[str, Foreign],
    policy: Foreign,
) -> None:
    start = training.setup.start
    if checkpoint is None and start.model is not None:
        check_loaded(policy, start.model, start.name)
    check_cameras(training.setup.cameras, fetched, batch, policy)
    keep_places(policy)


def _measured_losses(training: Training, checkpoint: Checkpoint | None) -> list[float]:
    """The losses of the evaluations so far, up to the checkpoint; of a repeated step the last one."""
    if checkpoint is None:
        return []
    found: dict[int, float] = {}
    for line in read_metrics(training.workspace.metrics):
        step, loss = line.get("step"), line.get("evalLoss")
        if isinstance(step, int) and isinstance(loss, int | float) and step <= checkpoint.step:
            found[step] = float(loss)
    return [found[step] for step in sorted(found)]


def _out_of_memory(training: Training, error: torch.OutOfMemoryError) -> OutOfMemory:
    plan, batch = training.plan, training.run.hyperparameters.batch_size
    gibibytes = torch.cuda.get_device_properties(0).total_memory / 2**30
    return OutOfMemory(
        "GpuOutOfMemory",
        f"the GPU's {gibibytes:.0f} GiB do not hold a step with {plan.rows} frames (batchSize {batch} over"
        f" {training.run.hardware.processes} processes; LeRobot accumulates no gradients): {error}",
        param="spec.hyperparameters.batchSize",
        advice="Lower batchSize, set precision bf16, use LoRA, freeze the vision encoder (extra.freeze_vision_encoder), or"
        " choose an instance type with more GPU memory.",
    )

"""The training of a SARM reward model, from its newest sound checkpoint to its last, by itself or before a policy's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import torch

from trainer.backends.lerobot.arguments import tracker_environment
from trainer.backends.lerobot.loop import train_loop
from trainer.backends.lerobot.rewards.clip import clip_at, find_clip
from trainer.backends.lerobot.rewards.steps_aside import StepsAside
from trainer.backends.lerobot.steering import Phase, Steered, Steering
from trainer.distributed.agreement import agree, first_ones
from trainer.distributed.meeting import is_loss
from trainer.failures import Interrupted, UserError
from trainer.training.completing import keeping_of
from trainer.training.resuming import train_from_newest
from trainer.workspace.checkpoints import Checkpoint, all_checkpoints, sound_checkpoints
from trainer.workspace.marker import read_mark

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.backends.lerobot.foreign import Foreign
    from trainer.backends.lerobot.planning import StepPlan
    from trainer.backends.lerobot.rewards.planned import PlannedReward
    from trainer.contract.run import Run
    from trainer.training.course import Course, StopReason
    from trainer.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class RewardTraining:
    """`root` is the folder of the checkpoints; `phase` says which part of the hours is its own.

    `aside`: the steps are not the job's own, which are those of a policy that follows.
    """

    planned: PlannedReward
    workspace: Workspace
    course: Course
    root: Path
    phase: Phase
    aside: bool

    @property
    def run(self) -> Run:
        """Of job type reward."""
        return self.planned.run


@dataclass(frozen=True, slots=True)
class TrainedReward:
    """The newest checkpoint, and why the training ended."""

    checkpoint: Checkpoint
    reason: StopReason

    @property
    def folder(self) -> Path:
        """The model, as LeRobot keeps it."""
        return self.checkpoint.path / "pretrained_model"


def train_reward_model(training: RewardTraining) -> TrainedReward:
    """Train until the last step, or until the phase's hours are used up. Interrupted when it is asked to end."""
    checkpoints = first_ones(sound_checkpoints(training.root, training.run.resume_from))
    clip = find_clip(training.run)
    trained = train_from_newest(checkpoints, partial(_train_from, training, clip), partial(_is_end, training.course))
    if trained.reason == "terminated":
        message = f"asked to end by SIGTERM; checkpoint {trained.checkpoint.step} of the reward model is complete"
        raise Interrupted("Terminated", message)
    return trained


def newest_trained(training: RewardTraining, reason: StopReason) -> TrainedReward:
    """The newest sound checkpoint, from which no step is made; UserError (NoCheckpoint) when there is none."""
    checkpoint = next(first_ones(sound_checkpoints(training.root, training.run.resume_from)), None)
    if checkpoint is None:
        raise UserError(
            "NoCheckpoint",
            "the job was stopped, and there is no sound checkpoint to make a model of",
            param="spec.stop",
            advice="To train on, set stop to false and raise restartGeneration.",
        )
    _take(training, checkpoint)
    return TrainedReward(checkpoint, reason)


def _is_end(course: Course, error: Exception) -> bool:
    return course.began or is_loss(error) or isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError)


def _train_from(training: RewardTraining, clip: Path, checkpoint: Checkpoint | None) -> TrainedReward:
    course, plan = training.course, training.planned.plan()
    total = plan.total_steps
    if not training.aside:
        course.planned(total or 0, plan.total_epochs)
    course.goes_on_from(read_mark(checkpoint.path) if checkpoint else None)
    agree(course)
    if checkpoint is not None:
        training.planned.check_method(checkpoint)
        complete = total is not None and checkpoint.step >= total
        if complete or training.phase.share(course.reading.share) >= 1.0:
            _take(training, checkpoint)
            return TrainedReward(checkpoint, "go on" if complete else "deadline")
    begins = f"again after step {checkpoint.step}" if checkpoint else "from the start"
    print(f"the training of the reward model begins {begins}", flush=True)
    steering = _steering(training, plan)
    # LeRobot insists that there is no such folder, and writes nothing there.
    nowhere = training.workspace.root / ".lerobot"
    os.environ.update(tracker_environment(training.run))
    with clip_at(clip):
        train_loop(training.planned.arguments(nowhere, checkpoint), steering)
    newest = next(each for each in all_checkpoints(training.root, training.run.resume_from) if each.complete)
    return TrainedReward(newest, steering.ended_by)


def _take(training: RewardTraining, checkpoint: Checkpoint) -> None:
    """The course is where the checkpoint left it."""
    if not training.aside:
        training.course.begin(checkpoint.step)
        training.course.advance(checkpoint.step, 0.0, 0)
        training.course.measured(read_mark(checkpoint.path).metrics)


def _steering(training: RewardTraining, plan: StepPlan) -> Steering:
    run, given = training.run, training.run.hyperparameters
    course = cast("Course", StepsAside(training.course)) if training.aside else training.course
    validation = () if training.aside else training.planned.gathered.validation_episodes
    every = run.evaluation.every_steps or plan.evaluate_every
    settings: dict[str, float] = {"lr": given.learning_rate}
    for name, said, value in (
        ("weight_decay", "weightDecay", given.weight_decay),
        ("grad_clip_norm", "maxGradNorm", given.max_grad_norm),
    ):
        settings |= {name: value} if training.aside or said in given.said else {}
    return _SarmSteering(
        Steered(
            run=run,
            course=course,
            keeping=keeping_of(run, training.workspace, training.root, training.planned.method),
            schedule=plan.schedule,
            total_steps=plan.total_steps,
            log_every=plan.log_every,
            evaluates_every=every if validation else 0,
            validation_episodes=validation,
            phase=training.phase,
            settings=settings,
        ),
        reshapes=training.planned.says_rise or plan.schedule.follows_hours,
    )


class _SarmSteering(Steering):
    """SARM's schedule rises over 500 steps and falls over 50,000, scaled down for fewer.

    `reshapes`: it is as long as the plan's and rises as that does, since the job says how long or the hours lead through it.
    """

    def __init__(self, steered: Steered, *, reshapes: bool) -> None:
        super().__init__(steered)
        self._schedule, self._reshapes = steered.schedule, reshapes

    def configure(self, config: Foreign) -> None:  # type: ignore[explicit-override]  # Python 3.11 has no typing.override
        """The run's settings, and the plan's schedule."""
        super().configure(config)
        if self._reshapes:
            config.scheduler.num_warmup_steps = self._schedule.lerobots_warmup
            config.scheduler.num_decay_steps = self._schedule.decay_steps

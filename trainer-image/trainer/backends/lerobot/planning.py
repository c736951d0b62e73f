"""The plan of a policy's training: how many steps, of how many frames, and the learning rate over them. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.schedule import SCALE, Schedule
from trainer.failures import Broken
from trainer.training.method import method_of
from trainer.training.plan import EVALUATIONS, FEW_STEPS, LOG_EACH_BELOW, per_process

if TYPE_CHECKING:
    from trainer.backends.lerobot.kinds import Kind
    from trainer.contract.run import Run

EVALUATE_EVERY: Final = 500
"""Steps from one evaluation to the next, when neither the job says how often nor anybody how many steps there will be."""

TRIED_BATCH: Final = 8
"""Frames of a step while nobody has chosen: only whether the settings can be parsed depends on it."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """`rows` of one process. `total_steps` None: the hours end the training, and how many they hold is measured."""

    total_steps: int | None
    frames: int
    batch: int
    rows: int
    schedule: Schedule

    @property
    def total_epochs(self) -> float:
        """Passes over the frames, in fractions; 0 when it is not known."""
        return (self.total_steps or 0) * self.batch / self.frames

    @property
    def log_every(self) -> int:
        """Steps from one logged step to the next."""
        return 1 if (self.total_steps or 0) <= LOG_EACH_BELOW else 10

    @property
    def evaluate_every(self) -> int:
        """Steps from one evaluation to the next, when the job does not say."""
        return math.ceil(self.total_steps / EVALUATIONS) if self.total_steps else EVALUATE_EVERY


def plan_steps(run: Run, frames: int) -> StepPlan:
    """The plan for so many frames to train on. UserError when the batch cannot be split over the processes."""
    given = run.hyperparameters
    if given.batch_size is None:
        raise Broken("RunInvalid", "no batchSize is known")  # run.json tells it in this stage
    total = given.steps
    if total is None and given.epochs is not None:
        total = max(1, math.ceil(given.epochs * frames / given.batch_size))
    rows = per_process(given.batch_size, run.hardware)
    return StepPlan(total, frames, given.batch_size, rows, _schedule(run, total))


def plan_warnings(run: Run, plan: StepPlan, kind: Kind) -> tuple[str, ...]:
    """Sentences about a plan that will hardly do what is hoped for, or that does it in a way that should be known."""
    total = plan.total_steps
    if total is None:
        return (hours_alone(run, falls=kind.decay is not None),)
    if total < FEW_STEPS:
        return (f"only {total} steps are planned; with fewer than {FEW_STEPS} a policy rarely learns: raise steps",)
    return ()


def hours_alone(run: Run, *, falls: bool = True) -> str:
    """What follows when a job names neither steps nor epochs; `falls` says whether the learning rate does."""
    rate = ", and the learning rate falls with them" if falls else "; the learning rate stays what it is"
    seconds = f"{run.limits.training_seconds:.0f} training seconds"
    return f"neither steps nor epochs are given: the {seconds} decide how many steps are made{rate}"


def warmup_warnings(run: Run, kind: Kind) -> tuple[str, ...]:
    """A sentence about steps of warmup that a job gives to a type whose learning rate never changes.

    A ratio is not told of: whoever writes run.json gives one to all types.
    """
    steps = run.hyperparameters.warmup_steps
    if kind.decay is not None or not steps:
        return ()
    return (
        (
            f"warmupSteps {steps} without effect: {run.model.type} keeps one learning rate from its first step to its last;"
            " leave warmupSteps out, or lower learningRate"
        ),
    )


def method_of_policy(run: Run, kind: Kind, *, continued: bool) -> dict[str, object]:
    """What cannot change while a training goes on from a checkpoint: that of all families, and the policy's shape."""
    own = [f"{key}={value}" for key, value in sorted(run.hyperparameters.extra.items()) if key in kind.settings]
    return {**method_of(run.hyperparameters, continued=continued), "settings": own}


def _schedule(run: Run, total: int | None) -> Schedule:
    given, follows_hours = run.hyperparameters, run.hyperparameters.steps is None
    # Never longer than the training: LeRobot would scale it down, and it would be gone through in the first few steps.
    length = SCALE if total is None else total
    if given.warmup_steps is not None:
        return Schedule(length, given.warmup_steps, follows_hours, total, by_steps=True)
    return Schedule(length, math.ceil(given.warmup_ratio * length), follows_hours, total, by_steps=False)

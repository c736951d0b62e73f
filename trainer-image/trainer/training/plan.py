"""The plan of a training: how many steps of which size, and the learning rate at each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from trainer.contract.hyperparameters import Hyperparameters
    from trainer.contract.surroundings import Hardware

LARGEST_MICRO_BATCH: Final = 8
"""Rows that one process holds at once when nobody has reckoned how many fit; more are accumulated."""
FEW_STEPS: Final = 50
"""Planned steps below which a training rarely teaches anything."""
LOG_EACH_BELOW: Final = 2000
"""Planned steps up to which every one is logged; longer trainings log every tenth."""
EVALUATIONS: Final = 10
"""Over a run, when the job does not say how often."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`micro_batch` times `accumulation` times processes is the global batch; `by_epochs` says that steps were derived.

    `warmup` is the number of steps in which the learning rate rises.
    """

    total_steps: int
    steps_per_epoch: int
    micro_batch: int
    accumulation: int
    warmup: int
    by_epochs: bool

    @property
    def total_epochs(self) -> float:
        """Passes over the rows, in fractions."""
        return self.total_steps / self.steps_per_epoch

    @property
    def log_every(self) -> int:
        """Steps from one logged step to the next."""
        return 1 if self.total_steps <= LOG_EACH_BELOW else 10

    @property
    def evaluate_every(self) -> int:
        """Steps from one evaluation to the next, when the job does not say."""
        return math.ceil(self.total_steps / EVALUATIONS)


def make_plan(hyperparameters: Hyperparameters, sequences: int, hardware: Hardware) -> Plan | None:
    """The plan for so many training sequences (rows, if they are not packed); None while batch or length are not chosen.

    UserError when the global batch cannot be split over the processes.
    """
    batch = hyperparameters.batch_size
    if batch is None or (hyperparameters.steps is None and hyperparameters.epochs is None):
        return None
    rows = per_process(batch, hardware)
    micro_batch = _micro_batch(rows, hardware)
    steps_per_epoch = math.ceil(sequences / batch)
    total = hyperparameters.steps or max(1, math.ceil((hyperparameters.epochs or 1) * steps_per_epoch))
    warmup = hyperparameters.warmup_steps
    return Plan(
        total_steps=total,
        steps_per_epoch=steps_per_epoch,
        micro_batch=micro_batch,
        accumulation=rows // micro_batch,
        warmup=math.ceil(hyperparameters.warmup_ratio * total) if warmup is None else warmup,
        by_epochs=hyperparameters.steps is None,
    )


def learning_rate_factor(plan: Plan, step: int, share_of_budget: float) -> float:
    """What the learning rate is multiplied by before step `step` (from 0): a straight rise to 1, then a straight fall to 0.

    `share_of_budget` is training seconds used / budget: a training that its hours will cut short still cools down.
    With explicit steps only the steps count, so that a repeated training is the same one.
    """
    rise = (step + 1) / (plan.warmup + 1)
    done = step / plan.total_steps
    if plan.by_epochs:
        done = max(done, share_of_budget)
    left_at_peak = 1.0 - plan.warmup / plan.total_steps
    fall = max(0.0, 1.0 - done) / left_at_peak if left_at_peak > 0 else 1.0
    return min(1.0, rise, fall)


def warnings_of(plan: Plan) -> tuple[str, ...]:
    """Sentences about a plan that will hardly do what is hoped for."""
    found = []
    if plan.total_steps < FEW_STEPS:
        found.append(
            f"only {plan.total_steps} optimizer steps are planned ({plan.steps_per_epoch} per epoch); with fewer than "
            f"{FEW_STEPS} a model rarely learns: raise epochs, set steps, or lower batchSize"
        )
    if plan.warmup >= plan.total_steps:
        found.append(
            f"the learning rate rises over {plan.warmup} steps and {plan.total_steps} are planned: it never comes to"
            " its peak; lower warmupSteps or warmupRatio"
        )
    return tuple(found)


def per_process(batch: int, hardware: Hardware) -> int:
    """Rows of a global batch for each process; UserError when they cannot be split evenly."""
    processes = hardware.processes
    if batch % processes:
        places = f"{hardware.nodes} nodes of {hardware.gpus} GPUs" if hardware.nodes > 1 else f"{processes} GPUs"
        raise UserError(
            "HyperparameterUnsupported",
            f"batchSize {batch} is global and cannot be split evenly over {places}",
            param="spec.hyperparameters.batchSize",
            advice=f"Use a multiple of {processes}, such as {max(processes, batch // processes * processes)}.",
        )
    return batch // processes


def _micro_batch(per_process: int, hardware: Hardware) -> int:
    """Rows that a process holds at once: as many as fit and make the batch up."""
    largest = _divisor(per_process, hardware.micro_batch_size or LARGEST_MICRO_BATCH)
    return _divisor(per_process, max(1, largest >> hardware.halvings))


def _divisor(number: int, most: int) -> int:
    return next(size for size in range(min(number, most), 0, -1) if number % size == 0)

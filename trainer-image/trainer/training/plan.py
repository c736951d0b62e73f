"""The plan of a training: how many steps of which size, and the learning rate at each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from trainer.contract.run import Hyperparameters

WARMUP_SHARE: Final = 0.03
"""Of the planned steps, in which the learning rate rises."""
LARGEST_MICRO_BATCH: Final = 8
"""Rows that one process holds at once; more are accumulated."""
FEW_STEPS: Final = 50
"""Planned steps below which a training rarely teaches anything."""
LOG_EACH_BELOW: Final = 2000
"""Planned steps up to which every one is logged; longer trainings log every tenth."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`micro_batch` times `accumulation` times processes is the global batch; `by_epochs` says that steps were derived."""

    total_steps: int
    steps_per_epoch: int
    micro_batch: int
    accumulation: int
    by_epochs: bool

    @property
    def total_epochs(self) -> float:
        """Passes over the rows, in fractions."""
        return self.total_steps / self.steps_per_epoch

    @property
    def log_every(self) -> int:
        """Steps from one logged step to the next."""
        return 1 if self.total_steps <= LOG_EACH_BELOW else 10


def make_plan(hyperparameters: Hyperparameters, rows: int, processes: int) -> Plan:
    """The plan for `rows` training rows; UserError when the global batch cannot be split over the processes."""
    batch = hyperparameters.batch_size
    if batch % processes:
        raise UserError(
            "HyperparameterUnsupported",
            f"batchSize {batch} is global and cannot be split evenly over {processes} GPUs",
            param="spec.hyperparameters.batchSize",
            advice=f"Use a multiple of {processes}, such as {max(processes, batch // processes * processes)}.",
        )
    per_process = batch // processes
    micro_batch = next(size for size in range(min(per_process, LARGEST_MICRO_BATCH), 0, -1) if per_process % size == 0)
    steps_per_epoch = math.ceil(rows / batch)
    return Plan(
        total_steps=hyperparameters.steps or max(1, math.ceil(hyperparameters.epochs * steps_per_epoch)),
        steps_per_epoch=steps_per_epoch,
        micro_batch=micro_batch,
        accumulation=per_process // micro_batch,
        by_epochs=hyperparameters.steps is None,
    )


def learning_rate_factor(plan: Plan, step: int, share_of_budget: float) -> float:
    """What the learning rate is multiplied by before step `step` (from 0): a short rise, then a straight fall to 0.

    `share_of_budget` is training seconds used / budget: a training that its hours will cut short still cools down.
    With explicit steps only the steps count, so that a repeated training is the same one.
    """
    warmup = math.ceil(WARMUP_SHARE * plan.total_steps)
    done = step / plan.total_steps
    if plan.by_epochs:
        done = max(done, share_of_budget)
    return min((step + 1) / (warmup + 1), max(0.0, 1.0 - done))


def few_steps_warning(plan: Plan) -> str | None:
    """A sentence when so few steps are planned that little can be learned."""
    if plan.total_steps >= FEW_STEPS:
        return None
    return (
        f"only {plan.total_steps} optimizer steps are planned ({plan.steps_per_epoch} per epoch); with fewer than "
        f"{FEW_STEPS} a model rarely learns: raise epochs, set steps, or lower batchSize"
    )

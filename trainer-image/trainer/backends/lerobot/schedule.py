"""The learning rate over a training: LeRobot's own shape, ending with whatever ends the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.backends.lerobot.foreign import Foreign

SCALE: Final = 30_000
"""Steps of LeRobot's schedule over a training that its hours may end: their shares count, not they."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`decay_steps`: of LeRobot's schedule, from its peak to its end, after `warmup_steps` of rise.

    `follows_hours`: it is gone through by the greater of steps made / `planned` (None: not known) and seconds used /
    budget. `by_steps`: the warmup was given in real steps.
    """

    decay_steps: int
    warmup_steps: int
    follows_hours: bool
    planned: int | None
    by_steps: bool = True

    @property
    def lerobots_warmup(self) -> int:
        """The rise that LeRobot's schedule is to have itself."""
        return 0 if self.follows_hours and self.by_steps else self.warmup_steps

    def place(self, step: int, share: float) -> float:
        """Where on LeRobot's schedule the learning rate of the update after `step` is, in its steps."""
        if not self.follows_hours:
            return step
        done = max(share, step / self.planned) if self.planned else share
        return min(1.0, done) * self.decay_steps

    def rise(self, step: int) -> float:
        """What the learning rate is multiplied by while it rises, where LeRobot's own rise is left out."""
        if not (self.follows_hours and self.by_steps):
            return 1.0
        return min(1.0, (step + 1) / (self.warmup_steps + 1))


def with_factor(schedule: Schedule, optimizer: Foreign, scheduler: Foreign, share: Callable[[], float]) -> Foreign:
    """LeRobot's scheduler, gone through by `schedule`; `share` is that of the hours that is used. None stays None."""
    if scheduler is None or not schedule.follows_hours:
        return scheduler
    # torch is heavy, and the rest of this module is pure.
    from torch.optim.lr_scheduler import LambdaLR  # noqa: PLC0415

    factors = tuple(scheduler.lr_lambdas)

    def paced(factor: Callable[[float], float]) -> Callable[[int], float]:
        # A plain function: torch would try to save anything else.
        return lambda step: schedule.rise(step) * factor(schedule.place(step, share()))

    for group, peak in zip(optimizer.param_groups, scheduler.base_lrs, strict=True):
        group["lr"], group["initial_lr"] = peak, peak
    return LambdaLR(optimizer, [paced(factor) for factor in factors])

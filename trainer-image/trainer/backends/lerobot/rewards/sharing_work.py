"""Work that one process of a training does while the others wait, all of them by one clock and able to end together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NoReturn

from trainer.distributed.agreement import agree, is_first
from trainer.failures import Interrupted, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from trainer.training.course import Course, StopReason

SECONDS_BETWEEN: Final = 2.0
"""Of the meetings of all processes while one of them works: collectives have a limit of time, and the work has none."""
ENDS: Final[tuple[StopReason, ...]] = ("terminated", "stopped", "deadline")


class Ended(Exception):  # noqa: N818 - nothing has failed
    """All processes have agreed to end before the work was done."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


def first_works(
    course: Course, work: Callable[[Callable[[], None]], None], minds: Collection[StopReason] = ENDS
) -> None:
    """Let the first process do `work`, which calls what it is given again and again: signs of life come from there.

    Ended in all processes when the training is to end meanwhile for a reason that the work `minds`.
    """
    if not is_first():
        while not _meet(course, minds, done=False):
            pass
        return
    met = time.monotonic()

    def goes_on() -> None:
        nonlocal met
        course.sign()
        if time.monotonic() - met >= SECONDS_BETWEEN:
            _meet(course, minds, done=False)
            met = time.monotonic()

    work(goes_on)
    _meet(course, minds, done=True)


def end_without_policy(reason: StopReason, doing: str) -> NoReturn:
    """How a job ends that was to train a policy and is ended before it could; `doing` says during what."""
    if reason == "terminated":
        raise Interrupted("Terminated", f"asked to end by SIGTERM {doing}; what is complete was kept")
    if reason == "deadline":
        raise UserError(
            "HoursTooFew",
            f"the training hours were used up {doing}, before the policy made a step",
            param="spec.hours",
            advice="Raise hours, lower reward.hoursShare, or set reward.hyperparameters.stride to compute fewer frames."
            " What is complete is found again.",
        )
    raise UserError(
        "NoCheckpoint",
        f"the job was stopped {doing}, before the policy made a step",
        param="spec.stop",
        advice="To train on, set stop to false and raise restartGeneration.",
    )


def _meet(course: Course, minds: Collection[StopReason], *, done: bool) -> bool:
    """Whether the work is done; all processes come here equally often."""
    wish = agree(course, save=done)
    course.sign()
    if wish.save:
        return True
    if wish.stop in minds:
        raise Ended(wish.stop)
    return False

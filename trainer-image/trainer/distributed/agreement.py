"""What all processes of a training do at the end of a step: the same thing, agreed by all-reduce.

A process that acted on its own signal or clock would leave the others waiting in a collective for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

from trainer.training.wish import Wish, decided, vote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.training.course import Course

_Found = TypeVar("_Found")


def agree(course: Course, *, save: bool = False) -> Wish:
    """What all processes do now, by the first one's clock, which the course follows. One process follows its own wish."""
    wish = Wish(course.wish(), save, course.clock.reading)
    if processes() > 1:
        votes = torch.tensor(vote(wish, first=is_first()), dtype=torch.float64, device=_device())
        distributed.all_reduce(votes, op=distributed.ReduceOp.MAX)
        wish = decided(votes.tolist())
    course.settle(wish.reading, own=is_first())
    return wish


def first_ones(found: Iterator[_Found]) -> Iterator[_Found]:
    """What the first process finds, in all processes, which must ask in step: views of one volume may differ for a while."""
    if processes() == 1:
        yield from found
        return
    while True:
        shared: list[_Found | None] = [next(found, None) if is_first() else None]
        distributed.broadcast_object_list(shared, src=0)
        if shared[0] is None:
            return
        yield shared[0]


def mean_of_all(number: float) -> float:
    """The mean of what all processes give, in all of them."""
    if processes() == 1:
        return number
    shared = torch.tensor(number, dtype=torch.float64, device=_device())
    distributed.all_reduce(shared)
    return float(shared) / processes()


def wait_for_all() -> None:
    """Return when every process has come here."""
    if processes() > 1:
        distributed.barrier()


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes to the workspace."""
    return processes() == 1 or distributed.get_rank() == 0


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")

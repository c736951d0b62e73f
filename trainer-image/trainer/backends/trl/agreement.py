"""What all processes of a training do at the end of a step: the same thing, agreed by all-reduce.

A process that acted on its own signal or clock would leave the others waiting in a collective for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import distributed

if TYPE_CHECKING:
    from trainer.training.course import StopReason

REASONS: Final[tuple[StopReason, ...]] = ("go on", "deadline", "stopped", "terminated")
"""The later one wins when processes differ: it leaves less time."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one process, and after agreement every process, does at the end of a step."""

    stop: StopReason
    save: bool


def agree(wish: Wish) -> Wish:
    """The wish that all processes follow. One process follows its own."""
    if processes() == 1:
        return wish
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    votes = torch.tensor([REASONS.index(wish.stop), int(wish.save)], device=device)
    distributed.all_reduce(votes, op=distributed.ReduceOp.MAX)
    stop, save = votes.tolist()
    return Wish(stop=REASONS[stop], save=bool(save))


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

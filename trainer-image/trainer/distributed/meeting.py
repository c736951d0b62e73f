"""Where the processes of a training meet, on one node or on several, and how the loss of one shows in the others."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import torch
from torch import distributed

from trainer.failures import PEER_LOST, Broken, Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ARRIVAL_SECONDS: Final = 1800.0
"""Until all have come: the pods of a training are scheduled, pull their image and read their data at different times."""
PREPARING_SECONDS: Final = 4 * 3600.0
"""The same where the first process looks at the data and makes them ready before it comes."""
OPERATION_SECONDS: Final = 900.0
"""Until an operation of all processes ends: the others wait so long while the first one saves a large checkpoint."""
LOOK_SECONDS: Final = 5.0
"""Longest stay in the library while waiting: between two looks Python hears signals."""
SIGNS_OF_LOSS: Final = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "timed out", "socket")
"""In messages of errors that collectives raise when another process is gone."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A process among `size`: its `rank`, and where rank 0 listens."""

    rank: int
    size: int
    address: str
    port: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Seat | None:
        """The seat that PID 1 gave this process; None when it trains alone."""
        size = int(environment.get("WORLD_SIZE", "1"))
        if size == 1:
            return None
        return cls(int(environment["RANK"]), size, environment["MASTER_ADDR"], int(environment["MASTER_PORT"]))


@contextmanager
def together(alive: Callable[[], None], *, prepares: bool = False) -> Iterator[None]:
    """Meet the other processes, if there are any, for as long as this is not left; `alive` is called while waiting.

    `prepares`: the first process comes late, since it looks at the data before.
    Interrupted (PeerLost) when they do not come, or when one is lost on the way: the next attempt goes on.
    """
    seat = Seat.from_environment(os.environ)
    if seat is None:
        yield
        return
    _meet(seat, _Patience(PREPARING_SECONDS if prepares else ARRIVAL_SECONDS, time.monotonic(), alive))
    try:
        yield
    except RuntimeError as error:
        if is_loss(error):
            raise _lost(f"another process of this training was lost: {error}") from error
        raise


def is_loss(error: Exception) -> bool:
    """Whether an error says that another process of the training is gone."""
    if not distributed.is_initialized():
        return False
    if isinstance(error, distributed.DistError):
        return True
    if isinstance(error, torch.OutOfMemoryError) or not isinstance(error, RuntimeError):
        return False
    return any(sign in str(error).lower() for sign in SIGNS_OF_LOSS)


def _meet(seat: Seat, patience: _Patience) -> None:
    store = _store(seat, patience)
    store.add("arrived", 1)
    patience.wait(lambda: store.add("arrived", 0) >= seat.size, f"all {seat.size} processes")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(
        backend, store=store, rank=seat.rank, world_size=seat.size, timeout=timedelta(seconds=OPERATION_SECONDS)
    )


def _store(seat: Seat, patience: _Patience) -> distributed.TCPStore:
    """Rank 0's store. Its name may be unknown and its port closed until its pod has come."""
    found: list[distributed.TCPStore] = []

    def look() -> bool:
        try:
            found.append(
                distributed.TCPStore(
                    seat.address,
                    seat.port,
                    is_master=seat.rank == 0,
                    timeout=timedelta(seconds=LOOK_SECONDS),
                    wait_for_workers=False,
                )
            )
        except RuntimeError as error:
            if seat.rank == 0:
                raise Broken("MeetingFailed", f"port {seat.port} cannot be listened on: {error}") from error
        return bool(found)

    patience.wait(look, f"{seat.address}:{seat.port}")
    return found[0]


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long others are waited for, with a sign that this process is alive."""

    seconds: float
    begun: float
    alive: Callable[[], None]

    def wait(self, come: Callable[[], bool], what: str) -> None:
        while not come():
            if time.monotonic() >= self.begun + self.seconds:
                raise _lost(f"waited {self.seconds:.0f} s for {what} in vain")
            self.alive()
            time.sleep(0.1)


def _lost(message: str) -> Interrupted:
    return Interrupted(PEER_LOST, message[:512])

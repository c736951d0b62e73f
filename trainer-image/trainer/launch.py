"""Which processes train: one, or one per GPU that find each other as torchrun's would.

torchrun itself is not used within a node: it answers 1 for whatever code its processes exit with, and kills those that
take longer than 30 s to save. PID 1 knows better.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start: its arguments, and all of its environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def launches(run: Run, environment: Mapping[str, str]) -> list[Launch]:
    """The processes that do the stage's work, the first of them first."""
    arguments = (sys.executable, "-m", "trainer.worker")
    processes = 1 if run.stage == "prepare" else max(1, run.hardware.gpus)
    if processes == 1:
        return [Launch(arguments, environment)]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    sizes = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    threads = {"OMP_NUM_THREADS": str(max(1, int(run.hardware.cpus) // processes))}
    return [
        Launch(arguments, {**environment, **meeting, **sizes, **threads, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

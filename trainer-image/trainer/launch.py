"""Which processes train: one, or one per GPU that find each other as torchrun's would, on one node or on several.

torchrun itself is not used: it answers 1 for whatever code its processes exit with, and kills those that take longer
than 30 s to save. PID 1 knows better.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run
    from trainer.node import Node


ONE_WORKER: Final = ("gr00t_n1_5", "gr00t_n1_6")
"""Types whose own trainer, a child of the worker's, starts a process for each GPU."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start: its arguments, and all of its environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def launches(run: Run, node: Node, environment: Mapping[str, str]) -> list[Launch]:
    """The processes of this node that do the stage's work, the first of them first."""
    arguments = (sys.executable, "-m", "trainer.worker")
    if run.stage != "train" or run.hardware.processes == 1 or run.model.type in ONE_WORKER:
        return [Launch(arguments, environment)]
    here = run.hardware.processes_per_node
    shared = {
        **environment,
        **node.meeting_place(),
        "WORLD_SIZE": str(run.hardware.processes),
        "LOCAL_WORLD_SIZE": str(here),
        "NODE_RANK": str(node.index),
        "OMP_NUM_THREADS": str(max(1, int(run.hardware.cpus) // here)),
    }
    return [
        Launch(arguments, {**shared, "RANK": str(node.index * here + rank), "LOCAL_RANK": str(rank)})
        for rank in range(here)
    ]

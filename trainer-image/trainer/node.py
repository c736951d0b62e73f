"""Which of the pods that train together this one is, and where they meet."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run

INDEX: Final = "JOB_COMPLETION_INDEX"
"""Set by the Job controller in pods of an Indexed Job."""
ADDRESS: Final = "MASTER_ADDR"
PORT: Final = "MASTER_PORT"
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Node:
    """`index` from 0; `address` and `port` are where rank 0 listens. Port 0: any that is free."""

    index: int = 0
    address: str = LOOPBACK
    port: int = 0

    @property
    def writes(self) -> bool:
        """Whether the workspace is this node's to write to: verdict, fence, ledger, metrics, the model."""
        return self.index == 0

    def meeting_place(self) -> dict[str, str]:
        """The variables by which the processes find each other."""
        return {ADDRESS: self.address, PORT: str(self.port or _free_port())}


def node_of(run: Run, environment: Mapping[str, str]) -> Node:
    """The place of this pod. Broken (RunInvalid) when several nodes are to train and the pod does not know its own."""
    if run.stage != "train" or run.hardware.nodes == 1:
        return Node()
    index = _number(run, environment, INDEX, run.hardware.nodes - 1)
    if not environment.get(ADDRESS):
        raise Broken("RunInvalid", f"{run.hardware.nodes} nodes are to train, and {ADDRESS} is not set")
    return Node(index, environment[ADDRESS], _number(run, environment, PORT, 65535))


def _number(run: Run, environment: Mapping[str, str], name: str, most: int) -> int:
    given = environment.get(name, "")
    if not given.isascii() or not given.isdigit() or int(given) > most:
        problem = f"{name} is {given!r}, must be a number from 0 to {most}"
        raise Broken("RunInvalid", f"{run.hardware.nodes} nodes are to train, and {problem}")
    return int(given)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port

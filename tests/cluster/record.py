"""What is remembered about a cluster between two commands: which supervisor, which network, how far it came."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from tests.cluster.errors import ClusterError
from tests.cluster.network import Network
from tests.cluster.places import ClusterFolder, clusters_folder
from tests.cluster.supervision import Identity


@dataclass(frozen=True)
class Record:
    """A started cluster.

    Attributes:
        supervisor: the process whose end is the cluster's end.
        index: number of its network.
        programs: fingerprint of the programs' versions it was started with.
        control_plane: whether the control plane was seen ready.
        node: whether the node was seen ready.
    """

    supervisor: Identity
    index: int
    programs: str
    control_plane: bool = False
    node: bool = False

    @property
    def network(self) -> Network:
        return Network(self.index)


def read(folder: ClusterFolder) -> Record | None:
    """The record of the cluster in `folder`; None when there is none, or only half of one."""
    try:
        content = json.loads(folder.record.read_text(encoding="utf-8"))
        return Record(**{**content, "supervisor": Identity(**content["supervisor"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(folder: ClusterFolder, record: Record) -> Record:
    """Write `record` in one step, so that a reader never sees half of it; the record."""
    draft = folder.record.with_suffix(".draft")
    draft.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    draft.replace(folder.record)
    return record


def every() -> dict[str, Record]:
    """Name to record of all clusters that left one, running or not."""
    found: dict[str, Record] = {}
    for folder in sorted(clusters_folder().glob("*/")):
        record = read(ClusterFolder(folder))
        if record is not None:
            found[folder.name] = record
    return found


def require(name: str, folder: ClusterFolder) -> Record:
    """The record of a cluster that runs.

    Raises:
        ClusterError: it does not run.
    """
    record = read(folder)
    if record is None or not record.supervisor.alive:
        running = ", ".join(each for each, other in every().items() if other.supervisor.alive) or "none"
        raise ClusterError(
            f"There is no running cluster {name!r} (running: {running}).",
            f"start it: python -m tests.cluster up --name {name}",
        )
    return record

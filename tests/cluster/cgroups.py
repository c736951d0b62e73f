"""The control groups of one cluster's pods: made before kubelet starts, removed when the cluster is gone.

Works with version 1, with version 2, and with both beside each other (hybrid).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.waiting import wait_until

PARENT = "finetune-operator"
CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")
REMOVAL_SECONDS = 10.0


def path_of(name: str) -> str:
    """Path of the cluster's group in every hierarchy, as kubelet's `cgroupRoot` wants it."""
    return f"/{PARENT}/{name}"


def hierarchies() -> list[Path]:
    """Where this machine has control groups mounted: one folder with version 2, one for each controller with version 1."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def create(name: str, roots: Sequence[Path] | None = None) -> None:
    """Make the cluster's group in every hierarchy, with every resource that the machine controls."""
    for root in hierarchies() if roots is None else roots:
        group = root / PARENT / name
        if (root / "cgroup.controllers").exists():
            _enable(root)
            group.parent.mkdir(exist_ok=True)
            _enable(group.parent)
        group.mkdir(parents=True, exist_ok=True)
        for each in (group.parent, group):
            _inherit_cpuset(each)


def remove(name: str, roots: Sequence[Path] | None = None) -> None:
    """End what still runs in the cluster's groups and remove them; the shared parent goes with the last."""
    for group in existing(name, roots):
        _kill_members(group)
        wait_until(lambda group=group: _remove_tree(group), REMOVAL_SECONDS)  # type: ignore[misc]
        try:
            group.parent.rmdir()
        except OSError:
            continue  # another cluster is in it


def existing(name: str, roots: Sequence[Path] | None = None) -> list[Path]:
    """The cluster's groups that are there."""
    groups = (root / PARENT / name for root in (hierarchies() if roots is None else roots))
    return [group for group in groups if group.is_dir()]


def _enable(group: Path) -> None:
    available = (group / "cgroup.controllers").read_text(encoding="ascii").split()
    wanted = [each for each in CONTROLLERS if each in available]
    try:
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in wanted), encoding="ascii")
    except OSError as problem:
        raise ClusterError(
            f"{group}/cgroup.subtree_control does not take {' '.join(wanted)}: {problem}.",
            "version 2 shares out no resources of a group that has processes in it. Inside a container: make the folder "
            f"{group}/init and write every pid of {group}/cgroup.procs into its cgroup.procs, or run on the host",
        ) from problem


def _inherit_cpuset(group: Path) -> None:
    # Version 1 gives a new group no processors at all, and refuses every process until it has some.
    for name in ("cpuset.cpus", "cpuset.mems"):
        own, above = group / name, group.parent / name
        if own.exists() and above.exists() and not (group / "cgroup.controllers").exists():
            own.write_text(above.read_text(encoding="ascii"), encoding="ascii")


def _kill_members(group: Path) -> None:
    for listing in group.rglob("cgroup.procs"):
        for pid in listing.read_text(encoding="ascii").split():
            if pid != "0":  # a process of another pid namespace, which we cannot name
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    continue


def _remove_tree(group: Path) -> bool:
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
    except OSError:
        return False  # busy until the kernel has let its last process go
    return not group.exists()

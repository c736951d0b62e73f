"""What a cluster has on the host right now. After `down` this is nothing, and `down` makes sure of it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.network import Network, attached
from tests.cluster.places import ClusterFolder
from tests.cluster.supervision import SUPERVISOR


def strays(folder: ClusterFolder) -> list[int]:
    """Pids of supervisors of this cluster, recorded or not: a killed `up` may have left one that nobody wrote down."""
    return [
        pid
        for pid, arguments in _processes()
        if str(folder.supervisor_socket) in arguments and str(SUPERVISOR) in arguments
    ]


def remaining(folder: ClusterFolder, network: Network | None) -> list[str]:
    """One sentence for each thing that the cluster still has on the host: processes, mounts, interfaces, cgroups."""
    mark = f"{folder.root}/"
    running = [pid for pid, arguments in _processes() if any(mark in each for each in arguments) and pid != os.getpid()]
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    found = [f"process {pid} runs" for pid in running]
    found += [f"{mount} is mounted" for mount in mounts if mount.startswith(mark)]
    found += [f"the cgroup {group} is there" for group in cgroups.existing(folder.control_group)]
    if network is not None and attached(network):
        found.append(f"the interface {network.interface} is there")
    return found


def resident_bytes(supervisor: int) -> dict[str, int]:
    """Resident memory of every program that the supervisor started, in bytes, largest first."""
    found: dict[str, int] = {}
    for init in _children(supervisor):
        for pid in _children(init):
            status = _read(f"/proc/{pid}/status")
            fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            name = Path(_read(f"/proc/{pid}/cmdline").split("\0")[0]).name
            if name and "VmRSS" in fields:
                found[name] = found.get(name, 0) + int(fields["VmRSS"].split()[0]) * 1024
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _processes() -> list[tuple[int, list[str]]]:
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    listed = [(pid, _read(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")) for pid in pids]
    return [(pid, arguments) for pid, arguments in listed if arguments != [""]]


def _children(pid: int) -> list[int]:
    return [int(each) for each in _read(f"/proc/{pid}/task/{pid}/children").split()]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # the process has just ended

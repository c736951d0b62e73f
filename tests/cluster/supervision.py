"""Starting, finding, asking and ending the supervisor of a cluster, from outside its namespaces."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError, log_tail
from tests.cluster.network import NODE_NAME
from tests.cluster.places import ClusterFolder
from tests.cluster.waiting import wait_until

NAMESPACES = ("--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc")
MOUNT_POINTS = ("/var/lib/kubelet", "/var/lib/cni", "/var/log/containers")
START_SECONDS = 20.0
ANSWER_SECONDS = 10.0
SUPERVISOR = Path(__file__).with_name("supervisor.py")
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """One process, told from every other that ever has its pid: by when it started, and in which boot."""

    pid: int
    started: int
    boot: str

    @property
    def alive(self) -> bool:
        return identify(self.pid) == self


@dataclass(frozen=True)
class ProgramState:
    """How one supervised program is: its pid in the cluster's own namespace (0: not running), starts, last exit."""

    pid: int
    starts: int
    exit: int | None


def identify(pid: int) -> Identity | None:
    """The identity of the process `pid`, or None when there is none or it is only waiting to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], int(fields[19])
    return None if state in "ZX" else Identity(pid, started, BOOT.read_text(encoding="ascii").strip())


def spawn(folder: ClusterFolder) -> Identity:
    """Start a supervisor in namespaces of its own, detached from this process, and wait for its socket.

    Raises:
        ClusterError: the kernel refused the namespaces, or the supervisor did not come up.
    """
    folder.logs.mkdir(parents=True, exist_ok=True)
    folder.supervisor_socket.unlink(missing_ok=True)
    for point in MOUNT_POINTS:
        Path(point).mkdir(parents=True, exist_ok=True)
    log = folder.logs / "supervisor.log"
    pid = _launch(folder, log)
    identity = identify(pid)
    wait_until(lambda: folder.supervisor_socket.exists() or not identify(pid), START_SECONDS)
    if identity is None or not identity.alive or not folder.supervisor_socket.exists():
        _kill(pid)
        raise ClusterError(
            f"The cluster's supervisor did not start:\n{log_tail(log.read_text(encoding='utf-8', errors='replace'))}",
            "run as root on Linux, outside of containers that forbid mounts and namespaces",
        )
    return identity


def end(identity: Identity) -> None:
    """Kill the supervisor and wait until the kernel has ended everything in its namespaces."""
    inside = _first_inside(identity.pid)
    for pid in (identity.pid, inside):
        if pid:
            _kill(pid)
    wait_until(lambda: not identity.alive and not (inside and identify(inside)), ANSWER_SECONDS)
    try:
        os.waitpid(identity.pid, os.WNOHANG)  # it is our child when the same process started and ends the cluster
    except ChildProcessError:
        return


def remove_mount_points() -> None:
    """Remove the folders that `spawn` made as mount points, where they are empty and so nobody else's."""
    for point in MOUNT_POINTS:
        try:
            Path(point).rmdir()
        except OSError:
            continue


def ask(folder: ClusterFolder, **request: object) -> dict[str, ProgramState]:
    """Send one request to the supervisor; how every program is.

    Raises:
        ClusterError: the supervisor does not answer, or refused the request.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(folder.supervisor_socket))
            connection.sendall(json.dumps(request).encode() + b"\n")
            reply = json.loads(connection.makefile().readline())
    except (OSError, ValueError) as problem:
        raise ClusterError(
            f"The supervisor of cluster {folder.root.name!r} does not answer ({problem}).",
            f"start it afresh: python -m tests.cluster up --name {folder.root.name}",
        ) from problem
    if "error" in reply:
        raise ClusterError(f"The supervisor refused {request.get('do')}: {reply['error']}", "see supervisor.log")
    return {name: ProgramState(**state) for name, state in reply.items()}


def network_namespace(pid: int) -> str:
    """Identity of the network namespace of process `pid`; the empty string when there is no such process."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _launch(folder: ClusterFolder, log: Path) -> int:
    command = ["unshare", *NAMESPACES, sys.executable, "-I", str(SUPERVISOR)]
    command += [str(folder.supervisor_socket), str(folder.kubelet), NODE_NAME]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # A session of its own: Ctrl-C for `up` is not meant for the cluster. And no Popen, which wants to outlive its child.
    return os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setsid=True)


def _first_inside(pid: int) -> int:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

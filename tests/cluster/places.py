"""Where the local cluster keeps its files: everything under one cache folder, nothing in the work tree."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.cluster.errors import ClusterError
from tests.cluster.progress import say
from tests.cluster.waiting import wait_until

NAME_PATTERN = re.compile(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?")
SILENT_SECONDS = 3.0  # of waiting for a lock, before it is worth a line
SOCKET_PATH_LIMIT = 107  # bytes of a Unix socket's path that Linux takes


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/finetune-operator`, or the same under `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "finetune-operator"


@dataclass(frozen=True)
class ClusterFolder:
    """The folder of one cluster and what lies where in it."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def configuration(self) -> Path:
        return self.root / "configuration"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def etcd(self) -> Path:
        return self.root / "etcd"

    @property
    def kubelet(self) -> Path:
        return self.root / "kubelet"

    @property
    def pod_logs(self) -> Path:
        return self.root / "pod-logs"

    @property
    def volumes(self) -> Path:
        return self.root / "volumes"

    @property
    def containerd(self) -> Path:
        """Images and layers; the only part that outlives the cluster, so that nothing is imported twice."""
        return self.root / "containerd"

    @property
    def containerd_socket(self) -> Path:
        return self.root / "containerd.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.root / "supervisor.sock"

    @property
    def control_group(self) -> str:
        """Name of its control group. These belong to the whole machine, so it differs between two cache folders."""
        return f"{self.root.name}-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:8]}"

    @property
    def record(self) -> Path:
        return self.root / "record.json"


def cluster_folder(name: str) -> ClusterFolder:
    """The folder of cluster `name`, which need not exist.

    Raises:
        ClusterError: the name is not a DNS label of at most 24 characters, or the folder's path is too long for sockets.
    """
    if not NAME_PATTERN.fullmatch(name):
        allowed = "1 to 24 small letters, digits and hyphens, for example demo"
        raise ClusterError(f"{name!r} cannot be a cluster's name.", f"choose {allowed}")
    folder = ClusterFolder(clusters_folder() / name)
    if len(os.fsencode(folder.supervisor_socket)) > SOCKET_PATH_LIMIT:
        raise ClusterError(
            f"{folder.root} is too long a path: a socket in it would pass {SOCKET_PATH_LIMIT} bytes.",
            "set XDG_CACHE_HOME to a shorter folder, or choose a shorter name",
        )
    return folder


def clusters_folder() -> Path:
    """The folder that holds a folder for each cluster."""
    return cache_folder() / "clusters"


def names() -> list[str]:
    """The names of all clusters that have files here, running or not, sorted."""
    return sorted(each.name for each in clusters_folder().glob("*/") if NAME_PATTERN.fullmatch(each.name))


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; waits for another holder. The kernel frees it when a process dies.

    The holder may remove the file: whoever waited for it then takes the file that stands in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.open("a")
    while not _take(held, path):
        held.close()
        held = path.open("a")
    with held:
        yield


def _take(handle: IO[str], path: Path) -> bool:
    if not wait_until(lambda: _lock(handle, fcntl.LOCK_NB), SILENT_SECONDS):
        say(f"Waiting for another process that holds {path.name} …")
        _lock(handle)
    return path.exists() and os.path.samestat(path.stat(), os.fstat(handle.fileno()))


def _lock(handle: IO[str], how: int = 0) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
    except BlockingIOError:
        return False
    return True

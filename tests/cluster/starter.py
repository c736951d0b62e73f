"""Starting and ending local clusters: `up` and `down` read as the order of events."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import bringup, cgroups, controlplane, footprint, network, packages, record
from tests.cluster.build import build
from tests.cluster.cluster import CURRENT, Cluster, current_cluster
from tests.cluster.components import COMPONENTS, component, fingerprint
from tests.cluster.errors import OWN_CLUSTER, ClusterError
from tests.cluster.places import ClusterFolder, cluster_folder, clusters_folder, exclusive, names
from tests.cluster.programs import Setting
from tests.cluster.progress import say
from tests.cluster.record import Record
from tests.cluster.rest import ApiServer
from tests.cluster.supervision import end, identify, remove_mount_points, spawn
from tests.cluster.tool_image import tool_image
from tests.cluster.waiting import wait_until

HEALTH_SECONDS = 30.0  # a busy machine is no reason to throw a cluster away
VANISH_SECONDS = 15.0
CONTROL_PLANE = ("kubernetes", "kwok")
ADDRESSES_LOCK = "addresses.lock"
DEFAULT_NAME = "demo"


def up(name: str = DEFAULT_NAME, *, node: bool = True) -> Cluster:
    """Start the cluster `name`, or find it running; it is ready when this returns.

    Args:
        name: a DNS label; `current` stands for the cluster of your kubeconfig.
        node: also a real node; without it only the control plane and simulated nodes.

    Raises:
        ClusterError: something is missing or did not start; it says what to do.
    """
    if name == CURRENT:
        return current_cluster()
    folder = cluster_folder(name)
    _require_machine()
    packages.ensure(packages.NODE if node else packages.CONTROL_PLANE)
    build(COMPONENTS if node else [component(each) for each in CONTROL_PLANE])
    with exclusive(_lock(name)):
        known = _still_good(name, folder) or _start(name, folder, node=node)
        if node:  # a failure here leaves a cluster that ran before as it is
            known = _ensure_node(folder, known)
    return _cluster(name, folder, known)


def down(name: str = DEFAULT_NAME, *, keep_images: bool = True) -> None:
    """End the cluster `name` and everything it has on this host; imported images stay for its next start.

    Args:
        name: as given to `up`.
        keep_images: False removes them too, for a cluster that will not come again.

    Raises:
        ClusterError: something is still there afterwards.
    """
    if name == CURRENT:
        say("CLUSTER=current is your own cluster: nothing was started for it, so nothing is stopped.")
        return
    folder = cluster_folder(name)
    _require_machine()
    with exclusive(_lock(name)):
        _clear(folder, keep_logs=False)
        if not keep_images:
            shutil.rmtree(folder.root, ignore_errors=True)
        _lock(name).unlink()


def down_all(*, keep_images: bool = True) -> list[str]:
    """End every cluster whose files lie in this cache folder, running or not; their names.

    Raises:
        ClusterError: some are still there afterwards; all others are ended.
    """
    known = names()
    left: dict[str, ClusterError] = {}
    for name in known:
        try:
            down(name, keep_images=keep_images)
        except ClusterError as problem:
            left[name] = problem
    if left:
        words = " ".join(problem.message for problem in left.values())
        raise ClusterError(f"Not ended: {', '.join(left)}. {words}", next(iter(left.values())).remedy)
    return known


def find(name: str = DEFAULT_NAME) -> Cluster:
    """The running cluster `name`.

    Raises:
        ClusterError: it does not run.
    """
    if name == CURRENT:
        return current_cluster()
    folder = cluster_folder(name)
    return _cluster(name, folder, record.require(name, folder))


def _require_machine() -> None:
    if sys.platform != "linux":
        raise ClusterError(f"A local cluster needs Linux; this is {platform.system()}.", OWN_CLUSTER)
    if os.geteuid() != 0:
        raise ClusterError(
            "A local cluster needs root, for namespaces and containers.", f"run as root, or {OWN_CLUSTER}"
        )


def _still_good(name: str, folder: ClusterFolder) -> Record | None:
    known = record.read(folder)
    if known is not None and _up_to_date(known) and _answers(folder):
        return known
    if known is not None or footprint.strays(folder):
        say(f"Clearing what an earlier run of cluster {name!r} left")
    if folder.root.is_dir():
        _clear(folder, keep_logs=False)
    return None


def _answers(folder: ClusterFolder) -> bool:
    return folder.kubeconfig.is_file() and wait_until(ApiServer(folder.kubeconfig).ready, HEALTH_SECONDS)


def _start(name: str, folder: ClusterFolder, *, node: bool) -> Record:
    try:
        known = _start_control_plane(name, folder)
        return _ensure_node(folder, known) if node else known
    except BaseException:  # Ctrl-C as well: half a cluster is worse than none
        _clear(folder, keep_logs=True)
        raise


def _up_to_date(known: Record) -> bool:
    return known.supervisor.alive and known.control_plane and known.programs == fingerprint()


def _start_control_plane(name: str, folder: ClusterFolder) -> Record:
    say(f"Starting cluster {name!r}")
    folder.root.mkdir(parents=True, exist_ok=True)
    # One at a time: two starting clusters must not choose the same addresses.
    with exclusive(clusters_folder() / ADDRESSES_LOCK):
        running = [each.index for each in record.every().values() if each.supervisor.alive]
        chosen = network.choose(running, network.blocks_in_use())
        setting = Setting(folder, chosen)
        controlplane.prepare(setting, datetime.now(UTC))
        supervisor = spawn(folder)
        known = record.write(folder, Record(supervisor, chosen.index, fingerprint()))
        network.detach(chosen)  # a start that died here left an interface without an address
        network.attach(chosen, supervisor.pid)
    bringup.control_plane(setting)
    return record.write(folder, replace(known, control_plane=True))


def _ensure_node(folder: ClusterFolder, known: Record) -> Record:
    setting = Setting(folder, known.network)
    if known.node and bringup.node_is_ready(setting):
        return known
    cgroups.create(folder.control_group)
    bringup.node(setting, tool_image(platform.machine()))
    return record.write(folder, replace(known, node=True))


def _clear(folder: ClusterFolder, *, keep_logs: bool) -> None:
    known = record.read(folder)
    addresses = _own_addresses(folder, known)
    _end_supervisors(folder, known)
    if addresses is not None:
        network.detach(addresses)
    cgroups.remove(folder.control_group)
    _remove_files(folder, keep_logs=keep_logs)
    _remove_mount_points()
    if not wait_until(lambda: not footprint.remaining(folder, addresses), VANISH_SECONDS):
        left = "; ".join(footprint.remaining(folder, addresses))
        raise ClusterError(
            f"Cluster {folder.root.name!r} is not wholly gone: {left}.", "end these, then run down again"
        )


def _own_addresses(folder: ClusterFolder, known: Record | None) -> network.Network | None:
    # The record of a cluster that died may name an index that a running one has taken since.
    others = (each for name, each in record.every().items() if name != folder.root.name and each.supervisor.alive)
    if known is None or any(each.index == known.index for each in others):
        return None
    return known.network


def _end_supervisors(folder: ClusterFolder, known: Record | None) -> None:
    recorded = known.supervisor if known is not None and known.supervisor.alive else None
    for identity in (recorded, *map(identify, footprint.strays(folder))):
        if identity is not None:
            end(identity)


def _remove_mount_points() -> None:
    # Under the lock of those who start: theirs would otherwise be removed before they mount on them.
    with exclusive(clusters_folder() / ADDRESSES_LOCK):
        if not any(each.supervisor.alive for each in record.every().values()):
            remove_mount_points()


def _remove_files(folder: ClusterFolder, *, keep_logs: bool) -> None:
    if not folder.root.is_dir():
        return
    kept = {folder.containerd, *([folder.logs] if keep_logs else [])}
    for each in folder.root.iterdir():
        if each in kept:
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    for each in (folder.containerd, folder.root):
        if each.is_dir() and not any(each.iterdir()):
            each.rmdir()


def _lock(name: str) -> Path:
    return clusters_folder() / f"{name}.lock"


def _cluster(name: str, folder: ClusterFolder, known: Record) -> Cluster:
    if not known.node:
        return Cluster(name, folder.kubeconfig, host_address=known.network.host_address)
    image = tool_image(platform.machine()).reference
    return Cluster(name, folder.kubeconfig, folder.containerd_socket, known.network.host_address, image)

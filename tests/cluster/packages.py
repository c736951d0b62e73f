"""Debian packages that the cluster and the image builder need on the host: looked for, installed only when missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.errors import OWN_CLUSTER, ClusterError, log_tail
from tests.cluster.progress import say, still_at_it

# A file that shows that a package is there: asking the file system takes no time, asking dpkg takes a second.
CONTROL_PLANE: Mapping[str, str] = {"iproute2": "/usr/sbin/ip|/sbin/ip|/usr/bin/ip|/bin/ip"}
NODE: Mapping[str, str] = {
    **CONTROL_PLANE,
    "containerd": "/usr/bin/containerd",
    "runc": "/usr/sbin/runc|/usr/bin/runc",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "iptables": "/usr/sbin/iptables|/sbin/iptables",
    "nftables": "/usr/sbin/nft|/sbin/nft",
    "conntrack": "/usr/sbin/conntrack",
    "busybox-static": "/bin/busybox|/usr/bin/busybox",
    "mount": "/usr/bin/mount|/bin/mount",
}
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq")
WITHOUT_SERVICES = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE_TO_START = "#!/bin/sh\nexit 101\n"


def ensure(packages: Mapping[str, str]) -> None:
    """Install what is missing.

    Args:
        packages: package name to the path that shows its presence; several paths are separated by `|`.

    Raises:
        ClusterError: something is missing, and this is not a Debian, not root, or apt failed.
    """
    absent = missing(packages)
    if not absent:
        return
    names = " ".join(absent)
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(f"These Debian packages are missing: {names}.", f"install them as root, or {OWN_CLUSTER}")
    say(f"Installing Debian packages (about 20 s): {names}")
    _apt("update", allow_failure=True)
    _install(absent)


def missing(packages: Mapping[str, str]) -> list[str]:
    """Names of the packages whose files are not there, sorted."""
    return sorted(name for name, paths in packages.items() if not any(Path(path).exists() for path in paths.split("|")))


def _install(names: list[str]) -> None:
    # containerd's package would start a daemon of its own; the cluster starts its own and touches no other.
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text(REFUSE_TO_START)
        POLICY.chmod(0o755)
    try:
        _apt("install", "--yes", "--no-install-recommends", *names)
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def _apt(*arguments: str, allow_failure: bool = False) -> None:
    environment = {**os.environ, **WITHOUT_SERVICES}
    with still_at_it():
        run = subprocess.run([*APT, *arguments], env=environment, capture_output=True, text=True, check=False)
    if run.returncode == 0 or allow_failure:
        return
    command = " ".join([*APT, *arguments])
    raise ClusterError(
        f"`{command}` failed:\n{log_tail(run.stderr or run.stdout)}",
        "see the lines above; check that this machine reaches its Debian mirror, then run the command again",
    )

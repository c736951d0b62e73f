"""The programs that building and loading need, from Debian's packages where they are missing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tests.cluster import packages
from tests.cluster.errors import ClusterError
from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# By a file that shows that the package is there.
_PACKAGES: Mapping[str, str] = {
    "buildah": "/usr/bin/buildah",
    "containers-storage": "/usr/bin/containers-storage",
    "debootstrap": "/usr/sbin/debootstrap",
    "netavark": "/usr/lib/podman/netavark",  # buildah does not start without it since Debian 13
    "containerd": "/usr/bin/ctr",
}


def ensure_programs() -> None:
    """Install what is missing. Raises ImageError where that cannot be done."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ImageError(
            "Building images here takes Linux and root. Elsewhere, build them with `docker build` and use a cluster of "
            "your own: `python -m tests.images build` with CLUSTER=current in the environment prints the commands."
        )
    try:
        packages.ensure(_PACKAGES)
    except ClusterError as error:
        raise ImageError(str(error)) from error

"""Disk space is looked at before it is needed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from pathlib import Path

_GIGABYTE = 1e9


def demand(place: Path, gigabytes: float, purpose: str) -> None:
    """Raise ImageError, with the way out, unless `gigabytes` are free where `place` lies."""
    there = free(place)
    if there < gigabytes:
        raise ImageError(
            f"There is too little disk space for {purpose}: it needs {gigabytes:.0f} GB, and {there:.1f} GB are free "
            f"where {place} lies. Remove something there (`make clean-cache` removes all that this project keeps "
            "outside its checkout), or set XDG_CACHE_HOME to a folder on a larger disk."
        )


def free(place: Path) -> float:
    """Give the gigabytes that are free where `place` lies, or will lie."""
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    return shutil.disk_usage(existing).free / _GIGABYTE


def used(place: Path) -> float:
    """Give the gigabytes that the files under `place` occupy, counting hard links once."""
    seen: dict[tuple[int, int], int] = {}
    for path in place.rglob("*"):
        status = path.lstat()
        seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values()) / _GIGABYTE

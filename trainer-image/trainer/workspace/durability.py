"""Bringing files to the disk, and letting others read them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_CANNOT: Final = (errno.EINVAL, errno.ENOTSUP)
"""What a file system answers that cannot sync a folder: then it does so by itself, or nobody can."""


def make_readable(path: Path) -> None:
    """Let others read what a library may have written for its own user only (safetensors are written 0600)."""
    path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def sync(path: Path) -> None:
    """Return when a file's content, or a folder's list of names, is on the disk. OSError when it cannot be brought there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not path.is_dir() or error.errno not in _CANNOT:
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Return when everything under a folder, and the folder itself, is on the disk."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)

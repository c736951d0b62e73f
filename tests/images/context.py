"""What an image is built from: read once, so that what was hashed is what is built, whoever edits meanwhile."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# One fixed time for every file: a fresh checkout must not look like a change. ZIP knows nothing before 1980.
_TIME = 315_532_800


@dataclass(frozen=True)
class Context:
    """The files of a build, by path within it, and whether each may be executed."""

    files: Mapping[str, tuple[bytes, bool]]

    def digest(self) -> str:
        """Give the SHA-256 of all paths, contents and execute bits, in hexadecimal."""
        total = hashlib.sha256()
        for path, (content, executable) in sorted(self.files.items()):
            total.update(f"{path}\0{len(content)}\0{executable:d}\0".encode())
            total.update(content)
        return total.hexdigest()

    def write(self, folder: Path) -> None:
        """Write the files into `folder`, which is empty, with one fixed time and plain permissions."""
        for path, (content, executable) in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o755 if executable else 0o644)
            os.utime(target, (_TIME, _TIME))
        for subfolder in (path for path in folder.rglob("*") if path.is_dir()):
            subfolder.chmod(0o755)
            os.utime(subfolder, (_TIME, _TIME))


def read(folder: Path, inputs: tuple[str, ...]) -> Context:
    """Read the files and folders `inputs` under `folder`, without what Python and editors leave there.

    Raises ImageError when one of them is missing.
    """
    files: dict[str, tuple[bytes, bool]] = {}
    for name in inputs:
        if not (folder / name).exists():
            raise ImageError(f"{folder / name} is missing, and the image built from {folder} needs it.")
        for path in _files(folder / name):
            files[path.relative_to(folder).as_posix()] = (path.read_bytes(), _executable(path))
    return Context(files)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for found in sorted(path.rglob("*")):
        left_over = "__pycache__" in found.parts or found.suffix == ".pyc" or found.name.startswith(".")
        if found.is_file() and not left_over:
            yield found


def _executable(path: Path) -> bool:
    # The owner's bit is the only one that git keeps.
    return bool(path.stat().st_mode & 0o100)

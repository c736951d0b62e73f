"""What lies in a place: files with their sizes, and whatever the store tells of their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Algorithm = Literal["sha256", "md5", "git"]
"""`git`: the SHA-1 of a blob with its header."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """`name` is relative to what was asked for; `size` in bytes, None when the store does not tell.

    `digests` in hex, or the beginning of one; `tag` is anything that changes with the content.
    """

    name: str
    size: int | None
    digests: Mapping[Algorithm, str] = field(default_factory=dict)
    tag: str = ""
    in_ranges: bool = True
    """Whether parts of it can be asked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """`revision` is the commit, where the store has such; `single`: the place is a file, and this is it."""

    files: tuple[RemoteFile, ...]
    revision: str = ""
    single: bool = False


class Store(Protocol):
    """A place that can be read. Both methods raise whatever the library does."""

    def listing(self) -> Listing:
        """All files there."""

    def fetch(self, file: RemoteFile, folder: Path, pieces: int) -> Path:
        """Bring a file below `folder`, going on from what lies there of it. Returns where it is, whole.

        `pieces`: how many parts of it may be asked for at once.
        """


def file_digest(path: Path, algorithm: Algorithm) -> str:
    """The digest of a file in hex."""
    with path.open("rb") as file:
        if algorithm != "git":
            return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
        digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def difference(file: RemoteFile, path: Path) -> str:
    """How the file at `path` is another than the store says, as a sentence ends; empty when it is the same."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"has {size} bytes and should have {file.size}"
    for algorithm, wanted in file.digests.items():
        found = file_digest(path, algorithm)
        if not found.startswith(wanted):
            return f"has {algorithm} {found[:16]}… and should have {wanted[:16]}…"
    return ""

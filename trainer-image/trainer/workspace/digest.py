"""Digests: one file's, and one over many files with their names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def digest_of(files: Mapping[str, Path]) -> str:
    """`sha256:` and the SHA-256 over the sorted lines `<sha256 of file>  <name>`, as the contract says it."""
    lines = sorted(f"{_sha256(path)}  {name}\n" for name, path in files.items())
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

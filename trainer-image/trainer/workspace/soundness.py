"""Whether a file of a checkpoint is whole, told from its own format and without loading it into a framework."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH_BYTES: Final = 8
"""A safetensors file starts with the length of its JSON header, little-endian."""
_LARGEST_HEADER: Final = 100_000_000
"""Bytes; the format allows no more."""


def damage_of_file(path: Path, expected_bytes: object) -> str | None:
    """What is wrong with a file, as the end of a sentence; None when nothing shows. OSError when it cannot be read."""
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != expected_bytes:
        return f"has {size} bytes, must have {expected_bytes}"
    checks = {".safetensors": _safetensors, ".pt": _torch_archive, ".pth": _torch_archive, ".json": _json}
    check = checks.get(path.suffix)
    return check(path) if check else None


def read_safetensors_header(path: Path) -> dict[str, dict[str, object]]:
    """The header of a safetensors file: tensor name to dtype, shape and data_offsets. ValueError when it has none."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if not 0 < length <= _LARGEST_HEADER:
            raise ValueError(f"its header claims {length} bytes")
        header: object = json.loads(file.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")  # noqa: TRY004 - the content is wrong, not a caller's type
    tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__" and isinstance(tensor, dict)}
    end = max((offsets[1] for tensor in tensors.values() for offsets in [tensor["data_offsets"]]), default=0)
    if _LENGTH_BYTES + length + end != path.stat().st_size:
        raise ValueError("it is shorter or longer than its header says")
    return tensors


def _safetensors(path: Path) -> str | None:
    try:
        read_safetensors_header(path)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return f"is damaged: {error}"
    return None


def _torch_archive(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, ValueError, EOFError, RuntimeError) as error:
        return f"is damaged: {error}"
    return f"is damaged at {broken}" if broken else None


def _json(path: Path) -> str | None:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"is damaged: {error}"
    return None

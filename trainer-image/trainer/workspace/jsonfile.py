"""JSON files that are whole or absent: replaced by rename, and read without trusting what is there."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

from trainer.workspace.durability import sync

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_json(path: Path, document: Mapping[str, object]) -> None:
    """Replace the file at `path` in one step; a reader sees the old or the new content, also after a power cut.

    Makes the folder when there is none. OSError when the volume refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: several threads, and pods with the same process ids, may write the same file at once.
    partial = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}.{threading.get_native_id()}")
    try:
        with partial.open("w", encoding="utf-8", errors="replace") as file:
            json.dump(document, file, ensure_ascii=False, allow_nan=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, object]:
    """The object in the file at `path`; empty when there is no file, or none that can be understood."""
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def number_at(document: Mapping[str, object], key: str) -> float:
    """A number of a document that was read without trust; 0 when it is not one."""
    value = document.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0

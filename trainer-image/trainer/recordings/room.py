"""Whether there is room on the volume for what will be written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.recordings.recording import Recording

MARGIN: Final = 1.1
"""A merged dataset is about as large as its parts; tables may be compressed otherwise."""


def bytes_of(recording: Recording) -> int:
    """Of all files of a recording."""
    return sum(each.stat().st_size for each in recording.root.rglob("*") if each.is_file())


def free_bytes(folder: Path) -> int:
    """Free on the volume that the folder is, or will be, on."""
    existing = next(each for each in (folder, *folder.parents) if each.is_dir())
    return shutil.disk_usage(existing).free


def check_room(recordings: Sequence[Recording], folder: Path) -> None:
    """UserError (WorkspaceFull) when a copy of all recordings does not fit on the output volume."""
    need, free = round(sum(map(bytes_of, recordings)) * MARGIN), free_bytes(folder)
    if need > free:
        named = ", ".join(each.dataset.uri for each in recordings)
        raise UserError(
            "WorkspaceFull",
            f"{named}: converting and merging needs {_shown(need)} on the output volume, and {_shown(free)} are free",
            param="spec.output",
            advice="Give the job a larger volume, or register a v3.0 dataset that is merged already: then nothing is copied.",
        )


def _shown(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"

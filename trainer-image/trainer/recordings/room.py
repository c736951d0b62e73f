"""Whether there is room on the volume for what will be written."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.recordings.recording import V21

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.recordings.recording import Recording
    from trainer.recordings.work import Work

MARGIN: Final = 1.1
"""A merged dataset is about as large as its parts; tables may be compressed otherwise."""


def bytes_of(recording: Recording, folder: str = "") -> int:
    """Of all files of a recording, or of those in one of its folders."""
    return sum(each.stat().st_size for each in (recording.root / folder).rglob("*") if each.is_file())


def bytes_written(work: Work) -> int:
    """What making the dataset takes on the volume while it is made: parts, and what is made of them, lie there together.

    A part of v3.0 is its metadata, with links to the mounted tables and videos; one of v2.1 is converted, and that is a copy.
    """
    parts = sum(bytes_of(each, "" if each.version == V21 else "meta") for each in work.recordings)
    merged = sum(map(bytes_of, work.recordings)) if len(work.recordings) > 1 else 0
    # Videos get other names by their folders, pictures in tables only with the tables.
    pictures = any(work.recordings[0].features[key].dtype == "image" for key in work.features)
    renamed = sum(bytes_of(each, "data") for each in work.recordings) if pictures else 0
    return parts + merged + renamed


def free_bytes(folder: Path) -> int:
    """Free on the volume that the folder is, or will be, on."""
    existing = next(each for each in (folder, *folder.parents) if each.is_dir())
    return shutil.disk_usage(existing).free


def check_room(work: Work, folder: Path) -> None:
    """UserError (WorkspaceFull) when what must be written of the recordings does not fit on the output volume."""
    need, free = round(bytes_written(work) * MARGIN), free_bytes(folder)
    if need > free:
        named = ", ".join(each.dataset.uri for each in work.recordings)
        raise UserError(
            "WorkspaceFull",
            f"{named}: converting and merging needs {shown_bytes(need)} on the output volume, and {shown_bytes(free)} are free",
            param="spec.output",
            advice="Give the job a larger volume, or register a v3.0 dataset that is merged already: then little is copied.",
        )


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What the checkpoints of a training of all weights take: `kept` of them, and the finished model beside them."""

    parameters: int
    weight_bytes: int
    kept: int

    @property
    def least(self) -> int:
        """Bytes of the weights of one alone, however they are kept: without them there is none."""
        return self.parameters * 2

    @property
    def most(self) -> int:
        """Bytes when every weight is trained: two numbers of the optimizer's for each; one more while it is written."""
        return (self.kept + 1) * self.parameters * (self.weight_bytes + 8) + self.parameters * self.weight_bytes


def check_checkpoints(need: Checkpoints, free: int) -> str:
    """A warning when checkpoints may not fit into `free` bytes, else empty; UserError (WorkspaceFull) when not one does."""
    if need.least > free:
        raise UserError(
            "WorkspaceFull",
            f"one checkpoint has {shown_bytes(need.least)} of weights, and {shown_bytes(free)} are free on the output volume",
            param="spec.output",
            advice="Give the job a larger volume (output.storageSize), or remove what is not needed from the one that it has.",
        )
    if need.most <= free:
        return ""
    return (
        f"checkpoints and model may need {shown_bytes(need.most)} on the output volume ({need.kept} are kept), and"
        f" {shown_bytes(free)} are free: lower checkpoints.keepLast, or raise output.storageSize"
    )


def shown_bytes(count: float) -> str:
    """A number of bytes in a message."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"

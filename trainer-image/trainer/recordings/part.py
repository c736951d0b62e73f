"""A part of a dataset that lies elsewhere: `meta/` and the files of the first episode, as an inspection looks at it.

A dataset may have hundreds of gigabytes. All that it says of itself is in `meta/`; that its other files are there is told
by the listing of the place where it lies, and that they can be read by those of one episode.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from trainer.recordings.pictures import check_whole
from trainer.recordings.reading import read_recording
from trainer.recordings.rows import check_counts
from trainer.recordings.tables import COPY_AGAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.sources import Dataset
    from trainer.recordings.recording import Episode, Recording

META: Final = "meta/"
"""What the names of the files begin with that are wanted in any case."""


def files_of_part(dataset: Dataset, sizes: Mapping[str, int | None]) -> frozenset[str]:
    """The files of the first episode: its table, and one video of each camera. `meta/` lies at the dataset's path.

    `sizes` are those of all files of the dataset in bytes, None where the place does not tell. UserError when one that an
    episode names is not among them, or when `meta/` contradicts itself.
    """
    recording = read_recording(dataset)
    check_counts(recording)
    for episode in recording.episodes:
        if episode.path not in sizes:
            raise recording.refused("DatasetInvalid", f"{episode.path} is missing", COPY_AGAIN)
    # What is there and does not tell its size is not empty, as far as is known.
    check_whole(recording, lambda path: (sizes[path] if sizes[path] is not None else 1) if path in sizes else None)
    return frozenset(_files(recording.episodes[0]))


def rows_here(recording: Recording) -> Recording:
    """The recording with the episodes alone whose tables are here."""
    here = tuple(each for each in recording.episodes if (recording.root / each.path).is_file())
    return dataclasses.replace(recording, episodes=here, frames=sum(each.length for each in here))


def clips_here(recording: Recording) -> Recording:
    """The recording with the clips alone whose videos are here."""
    episodes = (
        dataclasses.replace(
            each, clips={key: clip for key, clip in each.clips.items() if (recording.root / clip.path).is_file()}
        )
        for each in recording.episodes
    )
    return dataclasses.replace(recording, episodes=tuple(episodes))


def whole_here(recording: Recording) -> tuple[int, ...]:
    """The numbers of the episodes of which all files are here."""
    return tuple(
        each.index for each in recording.episodes if all((recording.root / path).is_file() for path in _files(each))
    )


def _files(episode: Episode) -> set[str]:
    return {episode.path, *(clip.path for clip in episode.clips.values())}

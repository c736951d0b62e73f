"""Frames of a recording, decoded as LeRobot will decode them: from a video by time, from a table by row.

Of every camera a few episodes, evenly spread, and of each the first, the middle and the last frame.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import PIL.Image
import pyarrow.compute as pc

from trainer.recordings.recording import Episode, Feature, Recording
from trainer.recordings.sampling import spread
from trainer.recordings.tables import COPY_AGAIN, place, read_table
from trainer.recordings.videos import decode_at, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_EPISODES: Final = 4
"""Of which pictures are decoded."""
MOST_VIDEOS: Final = 128
"""Of which the length is asked."""


@dataclass(frozen=True, slots=True)
class PicturesSeen:
    """What was decoded: the first picture of each camera (height, width, 3; 0 to 255), and how many in all."""

    first: Mapping[str, NDArray[np.uint8]]
    frames: int
    episodes: tuple[int, ...]


def check_pictures(recording: Recording, keys: Sequence[str], episodes: Sequence[int]) -> PicturesSeen:
    """Decode a sample of the cameras `keys` from some of `episodes`.

    UserError (DatasetUnreadable, DatasetInvalid) names the file, the episode, the camera and the remedy.
    """
    chosen = spread(episodes, MOST_EPISODES)
    first: dict[str, NDArray[np.uint8]] = {}
    count = 0
    for key in keys:
        feature = recording.features[key]
        for index in chosen:
            episode = recording.episodes[index]
            frames = sorted({0, episode.length // 2, episode.length - 1})
            read = _from_video if feature.dtype == "video" else _from_table
            pictures = read(recording, feature, episode, frames)
            first.setdefault(key, pictures[0])
            count += len(pictures)
    return PicturesSeen(first, count, tuple(chosen))


def check_whole(recording: Recording, size_of: Callable[[str], int | None] | None = None) -> None:
    """UserError (DatasetInvalid) when an episode lacks the picture of a camera, or the video that it names.

    `size_of` tells how many bytes a file under the dataset's folder has, None when it is missing; else the disk does.
    """
    size_of = size_of or partial(_size_here, recording.root)
    seen: set[str] = set()
    for episode in recording.episodes:
        for key, clip in episode.clips.items():
            if clip.path in seen:
                continue
            seen.add(clip.path)
            size = size_of(clip.path)
            if size is None:
                problem = f"episode {episode.index} has no video of the camera {key}: {clip.path} is missing"
                raise recording.refused("DatasetInvalid", problem, _EVERY_CAMERA)
            if size == 0:
                problem = f"{clip.path}, episode {episode.index}, camera {key}: the file is empty"
                raise recording.refused("DatasetUnreadable", problem, COPY_AGAIN)


def check_spans(recording: Recording) -> int:
    """UserError (DatasetInvalid) when a video ends before an episode in it does. Of many videos some; returns how many."""
    last: dict[str, tuple[float, Episode, str]] = {}
    for episode in recording.episodes:
        for key, clip in episode.clips.items():
            end = clip.begin + episode.length / recording.fps
            if clip.path not in last or last[clip.path][0] < end:
                last[clip.path] = end, episode, key
    looked = spread(sorted(last), MOST_VIDEOS)
    for path in looked:
        end, episode, key = last[path]
        where = f"{path}, episode {episode.index}, camera {key}"
        seconds = seconds_of(recording, recording.root / path, where)
        if seconds < end - 0.5 / recording.fps:
            problem = f"{where}: the video ends at {seconds:.3f} s, and the episode ends at {end:.3f} s"
            raise recording.refused("DatasetInvalid", problem, _EVERY_CAMERA)
    return len(looked)


_EVERY_CAMERA: Final = (
    "Every episode must have every camera: copy the file again, or remove the episode (lerobot-edit-dataset"
    " --operation.type delete_episodes) or the camera (remove_feature)."
)


def _size_here(root: Path, path: str) -> int | None:
    file = root / path
    return file.stat().st_size if file.is_file() else None


def _from_video(
    recording: Recording, feature: Feature, episode: Episode, frames: Sequence[int]
) -> list[NDArray[np.uint8]]:
    clip = episode.clips[feature.key]
    file = place(recording.dataset, recording.root, clip.path)
    times = [clip.begin + frame / recording.fps for frame in frames]
    where = f"{clip.path}, episode {episode.index}, camera {feature.key}"
    pictures = decode_at(recording, file, where, times)
    for picture in pictures:
        _check_size(recording, where, feature, picture.shape[1], picture.shape[0])
    return pictures


def _from_table(
    recording: Recording, feature: Feature, episode: Episode, frames: Sequence[int]
) -> list[NDArray[np.uint8]]:
    table = read_table(recording.dataset, recording.root, episode.path, [feature.key, "episode_index"])
    rows = table.filter(pc.equal(table.column("episode_index"), episode.index)).column(feature.key)
    where = f"{episode.path}, episode {episode.index}, camera {feature.key}"
    if rows.null_count:
        missing = next(index for index, row in enumerate(rows) if not row.is_valid)
        raise recording.refused("DatasetInvalid", f"{where}: frame {missing} has no picture", _EVERY_CAMERA)
    return [_decoded(recording, f"{where}, frame {frame}", feature, rows[frame].as_py()) for frame in frames]


def _decoded(recording: Recording, where: str, feature: Feature, cell: object) -> NDArray[np.uint8]:
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes) or not content:
        raise recording.refused("DatasetInvalid", f"{where}: has no picture", _EVERY_CAMERA)
    try:
        with PIL.Image.open(io.BytesIO(content)) as picture:
            mode, (width, height) = picture.mode, picture.size
            pixels = np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise recording.refused("DatasetUnreadable", f"{where}: cannot be decoded: {error}", COPY_AGAIN) from error
    if mode != "RGB":
        problem = f"{where}: the picture is {mode}, which has {len(mode.split(';')[0])} channels; policies see RGB"
        raise recording.refused("DatasetInvalid", problem, f"Convert the pictures of {feature.key} to RGB.")
    _check_size(recording, where, feature, width, height)
    return pixels


def _check_size(recording: Recording, where: str, feature: Feature, width: int, height: int) -> None:
    wanted_height, wanted_width, _ = feature.size
    if (width, height) != (wanted_width, wanted_height):
        problem = (
            f"{where}: the picture is {width} wide and {height} high, and meta/info.json says shape {feature.shown}"
            f" ({', '.join(feature.names)})"
        )
        advice = "Correct shape and names in meta/info.json, or record the camera with one size."
        raise recording.refused("DatasetInvalid", problem, advice)

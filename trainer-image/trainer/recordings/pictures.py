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

from trainer.failures import UserError
from trainer.recordings.permissions import allowed
from trainer.recordings.recording import Episode, Feature, Recording
from trainer.recordings.sampling import spread
from trainer.recordings.tables import COPY_AGAIN, place, read_table
from trainer.recordings.unseen import explained
from trainer.recordings.videos import decode_at, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

MOST_EPISODES: Final = 4
"""Of which pictures are decoded."""
MOST_VIDEOS: Final = 128
"""Of which the length is asked."""


@dataclass(frozen=True, slots=True)
class PicturesSeen:
    """What was decoded: the first picture of each camera (height, width, 3; 0 to 255), and how many in all.

    `remarks` are about cameras that nobody looks at, one of each.
    """

    first: Mapping[str, NDArray[np.uint8]]
    frames: int
    episodes: tuple[int, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture as RGB, the mode that it is kept in, and the begin of a complaint about it."""

    where: str
    mode: str
    pixels: NDArray[np.uint8]

    @property
    def kind(self) -> tuple[str, int, int]:
        """Mode, width and height."""
        return self.mode, self.pixels.shape[1], self.pixels.shape[0]


def check_pictures(recording: Recording, keys: Sequence[str], episodes: Sequence[int]) -> PicturesSeen:
    """Decode a sample of the cameras `keys` from some of `episodes`.

    UserError (DatasetUnreadable, DatasetInvalid) names the file, the episode, the camera and the remedy.
    """
    chosen = spread(episodes, MOST_EPISODES)
    first: dict[str, NDArray[np.uint8]] = {}
    remarks: list[str] = []
    count = 0
    for key in keys:
        try:
            seen, remark = _seen_of(recording, key, chosen)
        except UserError as error:
            raise explained(recording, key, error) from error
        if seen:
            first[key] = seen[0]
        count += len(seen)
        remarks += [remark] if remark else []
    return PicturesSeen(first, count, tuple(chosen), tuple(remarks))


def check_whole(recording: Recording, size_of: Callable[[str], int | None] | None = None) -> None:
    """UserError (DatasetInvalid) when an episode lacks the picture of a camera, or the video that it names.

    `size_of` tells how many bytes a file under the dataset's folder has, None when it is missing; else the disk does.
    """
    size_of = size_of or partial(_size_here, recording)
    seen: set[str] = set()
    for episode in recording.episodes:
        for key, clip in episode.clips.items():
            if clip.path in seen:
                continue
            seen.add(clip.path)
            size = size_of(clip.path)
            if size is None:
                problem = f"episode {episode.index} has no video of the camera {key}: {clip.path} is missing"
                raise explained(recording, key, recording.refused("DatasetInvalid", problem, _EVERY_CAMERA))
            if size == 0:
                problem = f"{clip.path}, episode {episode.index}, camera {key}: the file is empty"
                raise explained(recording, key, recording.refused("DatasetUnreadable", problem, COPY_AGAIN))


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
        try:
            seconds = seconds_of(recording, recording.root / path, where)
        except UserError as error:
            raise explained(recording, key, error) from error
        if seconds < end - 0.5 / recording.fps:
            problem = f"{where}: the video ends at {seconds:.3f} s, and the episode ends at {end:.3f} s"
            raise explained(recording, key, recording.refused("DatasetInvalid", problem, _EVERY_CAMERA))
    return len(looked)


_EVERY_CAMERA: Final = (
    "Every episode must have every camera: copy the file again, or remove the episode (lerobot-edit-dataset"
    " --operation.type delete_episodes) or the camera (remove_feature)."
)


def _size_here(recording: Recording, path: str) -> int | None:
    file = recording.root / path
    with allowed(recording.dataset, recording.root, path):
        return file.stat().st_size if file.is_file() else None
    return None


def _seen_of(recording: Recording, key: str, episodes: Sequence[int]) -> tuple[list[NDArray[np.uint8]], str]:
    """A camera's pictures of a few episodes, and what is odd about one that nobody looks at."""
    feature = recording.features[key]
    read = _from_video if feature.dtype == "video" else _from_table
    kept: list[NDArray[np.uint8]] = []
    first: _Picture | None = None
    remark = ""
    for index in episodes:
        episode = recording.episodes[index]
        frames = sorted({0, episode.length // 2, episode.length - 1})
        for picture in read(recording, feature, episode, frames):
            first = first or picture
            remark = remark or _judged(recording, feature, picture, first)
            kept.append(picture.pixels)
    return kept, remark


def _judged(recording: Recording, feature: Feature, picture: _Picture, first: _Picture) -> str:
    """What is wrong with a picture that nobody looks at, else empty. UserError (DatasetInvalid) if somebody does."""
    if feature.key in recording.unseen and picture.kind != first.kind:
        one, other = (f"{mode}, {width} wide and {height} high" for mode, width, height in (picture.kind, first.kind))
        problem = f"{picture.where}: the picture is {one}, and another one of this camera is {other}"
        raise recording.refused("DatasetInvalid", problem, "Pictures of one camera must be alike.")
    wrong = _wrong_mode(feature, picture) or _wrong_size(feature, picture)
    if wrong and feature.key not in recording.unseen:
        raise recording.refused("DatasetInvalid", *wrong)
    return wrong[0] if wrong else ""


def _wrong_mode(feature: Feature, picture: _Picture) -> tuple[str, str] | None:
    """The problem and the remedy, if there is one."""
    mode = picture.mode
    if mode == "RGB":
        return None
    problem = f"{picture.where}: the picture is {mode}, which has {len(mode.split(';')[0])} channels; policies see RGB"
    return problem, f"Convert the pictures of {feature.key} to RGB."


def _wrong_size(feature: Feature, picture: _Picture) -> tuple[str, str] | None:
    """The same."""
    wanted_height, wanted_width, _ = feature.size
    _, width, height = picture.kind
    if (width, height) == (wanted_width, wanted_height):
        return None
    problem = (
        f"{picture.where}: the picture is {width} wide and {height} high, and meta/info.json says shape {feature.shown}"
        f" ({', '.join(feature.names)})"
    )
    return problem, "Correct shape and names in meta/info.json, or record the camera with one size."


def _from_video(recording: Recording, feature: Feature, episode: Episode, frames: Sequence[int]) -> Iterator[_Picture]:
    clip = episode.clips[feature.key]
    file = place(recording.dataset, recording.root, clip.path)
    times = [clip.begin + frame / recording.fps for frame in frames]
    where = f"{clip.path}, episode {episode.index}, camera {feature.key}"
    for pixels in decode_at(recording, file, where, times):
        yield _Picture(where, "RGB", pixels)


def _from_table(recording: Recording, feature: Feature, episode: Episode, frames: Sequence[int]) -> Iterator[_Picture]:
    table = read_table(recording.dataset, recording.root, episode.path, [feature.key, "episode_index"])
    rows = table.filter(pc.equal(table.column("episode_index"), episode.index)).column(feature.key)
    where = f"{episode.path}, episode {episode.index}, camera {feature.key}"
    if rows.null_count:
        missing = next(index for index, row in enumerate(rows) if not row.is_valid)
        raise recording.refused("DatasetInvalid", f"{where}: frame {missing} has no picture", _EVERY_CAMERA)
    for frame in frames:
        yield _decoded(recording, f"{where}, frame {frame}", rows[frame].as_py())


def _decoded(recording: Recording, where: str, cell: object) -> _Picture:
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes) or not content:
        raise recording.refused("DatasetInvalid", f"{where}: has no picture", _EVERY_CAMERA)
    try:
        with PIL.Image.open(io.BytesIO(content)) as picture:
            return _Picture(where, picture.mode, np.asarray(picture.convert("RGB")))
    except (OSError, ValueError, SyntaxError) as error:
        raise recording.refused("DatasetUnreadable", f"{where}: cannot be decoded: {error}", COPY_AGAIN) from error

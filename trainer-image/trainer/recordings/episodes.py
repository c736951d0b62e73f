"""The list of a dataset's episodes: tables under `meta/episodes` (v3.0), or `meta/episodes.jsonl` (v2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.recordings.permissions import check_listable
from trainer.recordings.recording import Clip, Episode, refused
from trainer.recordings.tables import read_lines, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.contract.sources import Dataset

FOLDER: Final = "meta/episodes"
LINES: Final = "meta/episodes.jsonl"
DATA_V30: Final = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_V30: Final = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
DATA_V21: Final = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_V21: Final = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
NEEDED: Final = ("episode_index", "length", "data/chunk_index", "data/file_index", "dataset_from_index")
_CLIP: Final = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")
REMEDY: Final = "Finalize the recording with LeRobot, which writes this list, or copy the dataset again."


def read_episodes_v30(
    dataset: Dataset, root: Path, info: Mapping[str, object], cameras: Sequence[str]
) -> tuple[tuple[Episode, ...], frozenset[str]]:
    """The episodes in the order of their numbers, and the columns that their tables have; `cameras` are the videos' keys."""
    check_listable(dataset, root, FOLDER)
    files = sorted(str(each.relative_to(root)) for each in (root / FOLDER).glob("*/*.parquet"))
    if not files:
        raise refused(dataset, "DatasetInvalid", f"{FOLDER} holds no table of episodes", REMEDY)
    templates = str(info.get("data_path") or DATA_V30), str(info.get("video_path") or VIDEO_V30)
    clip_columns = [f"videos/{key}/{name}" for key in cameras for name in _CLIP]
    episodes: list[Episode] = []
    columns: set[str] = set()
    for file in files:
        table = read_table(dataset, root, file)
        missing = [name for name in NEEDED if name not in table.column_names]
        if missing:
            raise refused(dataset, "DatasetInvalid", f"{file} has no column {missing[0]}", REMEDY)
        columns |= set(table.column_names)
        kept = [name for name in (*NEEDED, "tasks", *clip_columns) if name in table.column_names]
        rows = table.select(kept).to_pylist()
        episodes += [_episode_v30(dataset, file, row, templates, cameras) for row in rows]
    return _in_order(dataset, episodes, FOLDER), frozenset(columns)


def read_episodes_v21(
    dataset: Dataset, root: Path, info: Mapping[str, object], cameras: Sequence[str]
) -> tuple[tuple[Episode, ...], frozenset[str]]:
    """The same of v2.1, where each episode has files of its own."""
    size = info.get("chunks_size", 1000)
    chunk = size if isinstance(size, int) and size > 0 else 1000
    data, video = str(info.get("data_path") or DATA_V21), str(info.get("video_path") or VIDEO_V21)
    found: list[Episode] = []
    columns: set[str] = set()
    start = 0
    for number, line in enumerate(read_lines(dataset, root, LINES), start=1):
        columns |= set(line)
        index, length = (_whole(dataset, f"{LINES}, line {number}", line, key) for key in ("episode_index", "length"))
        named: dict[str, object] = {"episode_chunk": index // chunk, "episode_index": index}
        clips = {key: Clip(_filled(dataset, video, {**named, "video_key": key}), 0.0, 0.0) for key in cameras}
        path = _filled(dataset, data, named)
        found.append(Episode(index, length, start, path, _texts(line.get("tasks")), clips))
        start += length
    return _in_order(dataset, found, LINES), frozenset(columns)


def _episode_v30(
    dataset: Dataset, file: str, row: Mapping[str, object], templates: tuple[str, str], cameras: Sequence[str]
) -> Episode:
    index, length, chunk, number, start = (_whole(dataset, file, row, key) for key in NEEDED)
    clips: dict[str, Clip] = {}
    for key in cameras:
        values = [row.get(f"videos/{key}/{name}") for name in _CLIP]
        if any(value is None for value in values):
            raise refused(
                dataset,
                "DatasetInvalid",
                f"{file}, episode {index}: no video is listed for the camera {key}",
                "Every episode must have every camera: leave the episode out when you record, or remove the camera"
                " from all of them (lerobot-edit-dataset --operation.type remove_feature).",
            )
        named = {"video_key": key, "chunk_index": values[0], "file_index": values[1]}
        clips[key] = Clip(_filled(dataset, templates[1], named), *(float(str(value)) for value in values[2:]))
    path = _filled(dataset, templates[0], {"chunk_index": chunk, "file_index": number})
    return Episode(index, length, start, path, _texts(row.get("tasks")), clips)


def _in_order(dataset: Dataset, episodes: list[Episode], place: str) -> tuple[Episode, ...]:
    """LeRobot finds an episode by its place in the list: the numbers must be those from 0 on."""
    ordered = sorted(episodes, key=lambda each: each.index)
    for expected, episode in enumerate(ordered):
        if episode.index != expected:
            wrong = "is listed twice" if episode.index < expected else f"is listed, and episode {expected} is not"
            raise refused(dataset, "DatasetInvalid", f"{place}: episode {episode.index} {wrong}", REMEDY)
        if episode.length < 1:
            raise refused(
                dataset,
                "DatasetInvalid",
                f"{place}, episode {episode.index}: has no frames",
                f"Remove it: lerobot-edit-dataset --operation.type delete_episodes"
                f" --operation.episode_indices '[{episode.index}]'.",
            )
    return tuple(ordered)


def _whole(dataset: Dataset, where: str, row: Mapping[str, object], key: str) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise refused(dataset, "DatasetInvalid", f"{where}: {key} is {value!r}, must be a whole number", REMEDY)
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _filled(dataset: Dataset, template: str, values: Mapping[str, object]) -> str:
    try:
        return template.format(**values)
    except (KeyError, ValueError, IndexError) as error:
        raise refused(
            dataset,
            "DatasetInvalid",
            f"meta/info.json: the path '{template}' cannot be filled in: {error}",
            f"LeRobot's own is {DATA_V30} or, for videos, {VIDEO_V30}.",
        ) from error

"""Writes a dataset of format 3.0 as one of format 2.1: a file of rows and a video of each camera for every episode."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.backends.groot.older_format import videos
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from trainer.backends.groot.older_format.episodes import Episode, Source

VERSION: Final = "v2.1"
CHUNK: Final = 1000
"""Episodes in a folder."""
ROWS: Final = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEOS: Final = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
ONLY_NEWER: Final = ("data_files_size_in_mb", "video_files_size_in_mb")
"""What info.json says in 3.0 alone."""


def write_older(source: Source, episodes: Sequence[Episode], cameras: Sequence[str], target: Path) -> None:
    """Write these episodes of `source`, numbered anew from 0, with these cameras alone, into the empty folder `target`.

    All pictures become videos, those that lay in the rows too. UserError (DatasetInvalid) when rows or pictures are missing.
    """
    first_frame = 0
    for number, episode in enumerate(episodes):
        place = {"episode_chunk": number // CHUNK, "episode_index": number}
        rows = _rows_of(source, episode)
        for camera in cameras:
            file = target / VIDEOS.format(video_key=camera, **place)
            _write_pictures(source, episode, camera, (rows, file))
        _write_rows(rows.drop_columns(_pictures_in(source, rows)), number, first_frame, target / ROWS.format(**place))
        first_frame += episode.length
    _write_meta(source, episodes, cameras, target / "meta")


def _rows_of(source: Source, episode: Episode) -> Any:  # noqa: ANN401 - a pyarrow table
    file = source.rows_file(episode)
    try:
        rows = pq.read_table(file, filters=[("episode_index", "=", episode.index)])
    except OSError as error:
        raise _invalid(f"{file.relative_to(source.root)} cannot be read: {error}") from error
    if rows.num_rows != episode.length:
        where = file.relative_to(source.root)
        raise _invalid(f"{where} has {rows.num_rows} rows of episode {episode.index}, whose length is {episode.length}")
    return rows.sort_by("frame_index")


def _write_pictures(source: Source, episode: Episode, camera: str, into: tuple[Any, Path]) -> None:
    rows, file = into
    if source.cameras[camera] == "video":
        videos.cut(source.span(episode, camera), file)
    else:
        contents = (each["bytes"] for each in rows.column(camera).to_pylist())
        videos.encode(videos.decoded(contents), source.fps, file)


def _pictures_in(source: Source, rows: Any) -> list[str]:  # noqa: ANN401 - see above
    return [key for key in source.cameras if key in rows.column_names]


def _write_rows(rows: Any, number: int, first_frame: int, file: Path) -> None:  # noqa: ANN401 - see above
    file.parent.mkdir(parents=True, exist_ok=True)
    counted = {
        "episode_index": pa.array([number] * rows.num_rows, pa.int64()),
        "index": pa.array(range(first_frame, first_frame + rows.num_rows), pa.int64()),
    }
    for name, column in counted.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    # What the schema says beside the columns tells of pictures that are no longer there.
    pq.write_table(rows.replace_schema_metadata(None), file)


def _write_meta(source: Source, episodes: Sequence[Episode], cameras: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    facts = older_facts(source, episodes, cameras)
    (folder / "info.json").write_text(json.dumps(facts, indent=4) + "\n", encoding="utf-8")
    numbered = list(enumerate(episodes))
    _write_lines(
        folder / "tasks.jsonl", ({"task_index": each, "task": source.tasks[each]} for each in sorted(source.tasks))
    )
    _write_lines(
        folder / "episodes.jsonl",
        ({"episode_index": n, "tasks": list(each.tasks), "length": each.length} for n, each in numbered),
    )
    wanted = set(facts["features"])
    _write_lines(
        folder / "episodes_stats.jsonl",
        ({"episode_index": n, "stats": _only(each.statistics(), wanted)} for n, each in numbered),
    )


def older_facts(source: Source, episodes: Sequence[Episode], cameras: Sequence[str]) -> dict[str, Any]:
    """The older info.json."""
    kept = {name: value for name, value in source.facts.items() if name not in ONLY_NEWER}
    return kept | {
        "codebase_version": VERSION,
        "data_path": ROWS,
        "video_path": VIDEOS,
        "chunks_size": CHUNK,
        "total_chunks": math.ceil(len(episodes) / CHUNK),
        "total_episodes": len(episodes),
        "total_frames": sum(each.length for each in episodes),
        "total_videos": len(episodes) * len(cameras),
        "splits": {"train": f"0:{len(episodes)}"},
        "features": {
            key: _older_feature(source, feature)
            for key, feature in source.facts["features"].items()
            if key not in source.cameras or key in cameras
        },
    }


def _older_feature(source: Source, feature: Mapping[str, Any]) -> dict[str, Any]:
    if feature["dtype"] not in {"image", "video"}:
        return {name: value for name, value in feature.items() if name != "fps"}
    video = {"video.fps": source.fps, "video.codec": "h264", "video.pix_fmt": "yuv420p", "has_audio": False}
    return {**feature, "dtype": "video", "info": feature.get("info") or video}


def _only(statistics: Mapping[str, object], wanted: set[str]) -> dict[str, object]:
    return {feature: each for feature, each in statistics.items() if feature in wanted}


def _write_lines(file: Path, items: Iterable[Mapping[str, object]]) -> None:
    with file.open("w", encoding="utf-8") as output:
        for item in items:
            output.write(json.dumps(item) + "\n")


def _invalid(problem: str) -> UserError:
    return UserError(
        "DatasetInvalid", f"the dataset cannot be written in the older format: {problem}", param="spec.datasets"
    )

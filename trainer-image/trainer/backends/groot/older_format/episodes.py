"""A LeRobot dataset of format 3.0, as the writer of the older one reads it: metadata here, rows and pictures elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION: Final = "v3.0"
STATS: Final = "stats/"
"""How the columns of an episode's statistics begin: `stats/<feature>/<statistic>`."""
CAMERA_TYPES: Final = ("image", "video")


@dataclass(frozen=True, slots=True)
class Span:
    """Where an episode's pictures lie in a video of several: `start` in seconds, `frames` of them, `fps` a second."""

    file: Path
    start: float
    frames: int
    fps: float


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode by its row of `meta/episodes`. `index` is the number that it has in the dataset."""

    index: int
    length: int
    tasks: tuple[str, ...]
    row: Mapping[str, Any]

    def statistics(self) -> dict[str, dict[str, object]]:
        """Feature → statistic → its numbers."""
        found: dict[str, dict[str, object]] = {}
        for name, value in self.row.items():
            if name.startswith(STATS) and value is not None:
                feature, _, statistic = name.removeprefix(STATS).rpartition("/")
                found.setdefault(feature, {})[statistic] = value
        return found


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset of format 3.0 in the folder `root`: `facts` is its info.json, `tasks` what is said, by number."""

    root: Path
    facts: Mapping[str, Any]
    episodes: tuple[Episode, ...]
    tasks: Mapping[int, str]

    @property
    def fps(self) -> float:
        """Frames a second."""
        return float(self.facts["fps"])

    @property
    def cameras(self) -> dict[str, str]:
        """Key of a camera → `image`, when its pictures lie in the rows, or `video`."""
        features = self.facts["features"]
        return {key: each["dtype"] for key, each in features.items() if each["dtype"] in CAMERA_TYPES}

    def rows_file(self, episode: Episode) -> Path:
        """The file with the episode's rows, and with those of others."""
        place = {"chunk_index": episode.row["data/chunk_index"], "file_index": episode.row["data/file_index"]}
        return self.root / str(self.facts["data_path"]).format(**place)

    def span(self, episode: Episode, camera: str) -> Span:
        """The episode's pictures in a video."""
        row, key = episode.row, f"videos/{camera}"
        place = {"chunk_index": row[f"{key}/chunk_index"], "file_index": row[f"{key}/file_index"]}
        file = self.root / str(self.facts["video_path"]).format(video_key=camera, **place)
        return Span(file, float(row[f"{key}/from_timestamp"]), episode.length, self.fps)


def read_source(root: Path) -> Source:
    """The metadata of the dataset in `root`; UserError (DatasetInvalid) when it is no dataset of format 3.0."""
    facts = _facts(root)
    try:
        rows = [row for file in sorted((root / "meta/episodes").rglob("*.parquet")) for row in _rows(file)]
        tasks = _tasks(_rows(root / "meta/tasks.parquet"))
    except OSError as error:
        raise _invalid(f"its metadata cannot be read: {error}") from error
    episodes = tuple(
        Episode(int(row["episode_index"]), int(row["length"]), tuple(row.get("tasks") or ()), row) for row in rows
    )
    return Source(root, facts, tuple(sorted(episodes, key=lambda each: each.index)), tasks)


def chosen(source: Source, episodes: Sequence[int] | None) -> tuple[Episode, ...]:
    """The episodes with these numbers, in order of the dataset; all when None. UserError for one that is not there."""
    if episodes is None:
        return source.episodes
    known = {each.index for each in source.episodes}
    absent = sorted(set(episodes) - known)
    if absent:
        raise _invalid(f"it has no episode {absent[0]}; it has {len(known)}, from 0 on")
    return tuple(each for each in source.episodes if each.index in set(episodes))


def _facts(root: Path) -> dict[str, Any]:
    file = root / "meta/info.json"
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _invalid(f"meta/info.json cannot be read: {error}") from error
    version = facts.get("codebase_version")
    if version != VERSION:
        raise _invalid(f"meta/info.json says format {version!r}, must be {VERSION!r}")
    return facts


def _rows(file: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


def _tasks(rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    # The sentence is pandas' index, whose column has a name only in newer datasets.
    return {int(row["task_index"]): str(next(row[name] for name in row if name != "task_index")) for row in rows}


def _invalid(problem: str) -> UserError:
    return UserError(
        "DatasetInvalid", f"the dataset cannot be written in the older format: {problem}", param="spec.datasets"
    )

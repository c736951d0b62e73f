"""Reading a LeRobot dataset's own account of itself, `meta/`, with a complaint that names file and remedy for all that is wrong.

Formats as LeRobot 0.6.1 reads and converts them: v3.0 (tables of many episodes) and v2.1 (a file for each episode).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trainer.failures import did_you_mean
from trainer.neighbours import listing, what_is_there
from trainer.recordings.episodes import read_episodes_v21, read_episodes_v30
from trainer.recordings.features import parse_features
from trainer.recordings.permissions import allowed
from trainer.recordings.recording import V21, V30, Recording, refused
from trainer.recordings.statistics import read_episode_stats, read_stats
from trainer.recordings.tables import read_lines, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.sources import Dataset
    from trainer.recordings.recording import Episode

INFO: Final = "meta/info.json"
KEYS: Final = ("codebase_version", "fps", "features", "total_episodes", "total_frames", "robot_type", "data_path")
MOST_FPS: Final = 1000
MAKE_IT: Final = (
    "Name the folder that holds meta/, data/ and, for videos, videos/; LeRobot's own recorder and converters write it."
)
AGAIN: Final = "Copy the dataset again, completely; LeRobot writes this file when a recording is finalized."
OLD_VERSION: Final = (
    "Convert it to v2.1 with LeRobot 0.3 (lerobot/datasets/v21/convert_dataset_v20_to_v21.py), then use it here:"
    " v2.1 is converted to v3.0 on the way."
)


def read_recording(dataset: Dataset) -> Recording:
    """The recording in a dataset's folder, read from `meta/` alone.

    UserError: DatasetNotFound, DatasetUnreadable, DatasetInvalid, DatasetEmpty, DatasetUnsupported.
    """
    root = _root(dataset)
    info = _info(dataset, root)
    version = _version(dataset, info)
    episodes, columns = _episodes(dataset, root, version, info)
    return Recording(
        dataset=dataset,
        root=root,
        version=version,
        fps=_fps(dataset, info),
        robot_type=str(info.get("robot_type") or ""),
        frames=_count(dataset, info, "total_frames"),
        features=parse_features(dataset, info),
        episodes=episodes,
        tasks=_tasks(dataset, root, version),
        stats=read_stats(dataset, root) if version == V30 else {},
        episode_stats=read_episode_stats(dataset, root) if version == V21 else {},
        columns=columns,
    )


def _root(dataset: Dataset) -> Path:
    path = dataset.path
    if path is None or not _exists(dataset, path):
        there = what_is_there(path) if path else ""
        raise refused(dataset, "DatasetNotFound", f"does not exist.{there}", MAKE_IT)
    if not path.is_dir():
        raise refused(dataset, "DatasetNotFound", "is a file, and a LeRobot dataset is a folder", MAKE_IT)
    with allowed(dataset, path, INFO):
        described = (path / INFO).is_file()
    if not described:
        raise refused(dataset, "DatasetNotFound", f"has no {INFO}.{_inside(path)}", MAKE_IT)
    return path


def _exists(dataset: Dataset, path: Path) -> bool:
    with allowed(dataset, path, "."):
        return path.exists()
    return False


def _inside(path: Path) -> str:
    """What the folder holds instead; the dataset in it, if it was named one folder too high."""
    inner = sorted(each.parent.parent.name for each in path.glob(f"*/{INFO}"))
    if inner:
        return f" There is one in {', '.join(f'{name}/' for name in inner[:5])}: name that folder."
    meta = path / "meta"
    return listing(meta) if meta.is_dir() else listing(path)


def _info(dataset: Dataset, root: Path) -> Mapping[str, object]:
    try:
        with allowed(dataset, root, INFO):
            info: object = json.loads((root / INFO).read_text(encoding="utf-8"))
    except ValueError as error:
        raise refused(dataset, "DatasetUnreadable", f"{INFO} is not valid JSON: {error}", AGAIN) from error
    if not isinstance(info, dict):
        raise refused(dataset, "DatasetUnreadable", f"{INFO} is no JSON object", AGAIN)
    for key in ("codebase_version", "fps", "features", "total_episodes", "total_frames"):
        if key not in info:
            hint = did_you_mean(key, [name for name in info if name not in KEYS])
            raise refused(dataset, "DatasetInvalid", f"{INFO} has no {key}.{hint}", AGAIN)
    return info


def _version(dataset: Dataset, info: Mapping[str, object]) -> str:
    version = str(info["codebase_version"])
    if version in {V21, V30}:
        return version
    known = f"{INFO} says codebase_version {version}; {V30} is trained on, {V21} is converted"
    if version.startswith(("v1.", "v2.")):
        raise refused(dataset, "DatasetUnsupported", f"{known}, older ones cannot be", OLD_VERSION)
    if version.startswith("v3."):
        advice = f"Record or export it with a LeRobot that writes {V30} (0.4 to 0.6)."
        raise refused(dataset, "DatasetUnsupported", f"{known}, newer ones cannot be read", advice)
    raise refused(dataset, "DatasetUnsupported", known, f"Write it as {V30} with LeRobot 0.4 to 0.6.")


def _fps(dataset: Dataset, info: Mapping[str, object]) -> float:
    fps = info["fps"]
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= MOST_FPS:
        raise refused(
            dataset,
            "DatasetInvalid",
            f"{INFO} says fps {fps!r}, must be frames per second: a number above 0, up to {MOST_FPS}",
            "Write the rate that it was recorded with; the column timestamp of a table counts seconds.",
        )
    return float(fps)


def _count(dataset: Dataset, info: Mapping[str, object], key: str) -> int:
    count = info[key]
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise refused(dataset, "DatasetInvalid", f"{INFO} says {key} {count!r}, must be a whole number", AGAIN)
    if count == 0:
        kind = key.removeprefix("total_")
        advice = "Record at least one episode and finalize the dataset; recording that is cut off leaves none."
        raise refused(dataset, "DatasetEmpty", f"has no {kind}: {INFO} says {key} 0", advice)
    return count


def _episodes(
    dataset: Dataset, root: Path, version: str, info: Mapping[str, object]
) -> tuple[tuple[Episode, ...], frozenset[str]]:
    total = _count(dataset, info, "total_episodes")
    cameras = tuple(key for key, each in parse_features(dataset, info).items() if each.dtype == "video")
    if version == V30:
        episodes, columns = read_episodes_v30(dataset, root, info, cameras)
    else:
        episodes, columns = read_episodes_v21(dataset, root, info, cameras)
    if len(episodes) != total:
        held = f"{len(episodes)} episode" + ("s" if len(episodes) != 1 else "")
        raise refused(
            dataset, "DatasetInvalid", f"meta/episodes lists {held}, and {INFO} says total_episodes {total}", AGAIN
        )
    return episodes, columns


def _tasks(dataset: Dataset, root: Path, version: str) -> tuple[str, ...]:
    if version == V21:
        lines = read_lines(dataset, root, "meta/tasks.jsonl")
        return tuple(str(line.get("task", "")) for line in lines)
    table = read_table(dataset, root, "meta/tasks.parquet")
    # pandas writes the index, which is the task itself, as a column of one of these names.
    name = next((each for each in ("task", "__index_level_0__") if each in table.column_names), None)
    if name is None or "task_index" not in table.column_names:
        have = ", ".join(table.column_names)
        raise refused(
            dataset, "DatasetInvalid", f"meta/tasks.parquet has the columns {have}, needs task and task_index", AGAIN
        )
    return tuple(map(str, table.column(name).to_pylist()))

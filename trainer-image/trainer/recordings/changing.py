"""Changing a v3.0 dataset without touching what is mounted: the metadata are copied, tables and videos are linked."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.recordings.recording import ACTION, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INFO: Final = "meta/info.json"
STATS: Final = "meta/stats.json"
QUANTILES: Final[Mapping[str, float]] = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
"""As LeRobot names and computes them."""


def view_of(root: Path, folder: Path) -> Path:
    """A dataset at `folder` whose metadata are its own and whose tables and videos are those of `root`."""
    folder.mkdir(parents=True)
    shutil.copytree(root / "meta", folder / "meta", copy_function=shutil.copyfile)
    for each in (folder / "meta", *(folder / "meta").rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)  # a mounted folder may be read-only, and its copy is not to be
    for name in ("data", "videos"):
        if (root / name).is_dir():
            (folder / name).symlink_to((root / name).resolve(), target_is_directory=True)
    return folder


def alike(folder: Path, fps: float) -> None:
    """Leave out of the features what differs between recorders and means nothing: LeRobot merges only what is equal.

    `fps` are the recording's own: 30 and 30.0 differ, and LeRobot's converter makes 12 of 12.5.
    """
    info = _read(folder / INFO)
    for feature in info["features"].values():
        feature.pop("fps", None)
        if feature["dtype"] in {"image", "video"}:
            depth = any((feature.get(part) or {}).get(name) for part in ("info", "video_info") for name in _DEPTH)
            feature.pop("video_info", None)
            kept = {name: value for name, value in (feature.get("info") or {}).items() if name not in _DEPTH}
            feature["info"] = {**(kept if depth else _encoding(kept)), "is_depth_map": depth}
    info["fps"] = int(fps) if fps.is_integer() else fps
    _write(folder / INFO, info)


_DEPTH: Final = ("is_depth_map", "video.is_depth_map")


def _encoding(info: Mapping[str, Any]) -> dict[str, Any]:
    """What LeRobot itself does not compare: how a video was encoded."""
    return {name: value for name, value in info.items() if name in {"video.codec", "video.pix_fmt", "video.g"}}


def rename_features(folder: Path, names: Mapping[str, str]) -> None:
    """Give features other names everywhere: in the metadata, in the tables, in the folders of the videos."""
    info = _read(folder / INFO)
    pictures = {key for key in names if info["features"][key]["dtype"] == "image"}
    info["features"] = {names.get(key, key): each for key, each in info["features"].items()}
    _write(folder / INFO, info)
    stats = _read(folder / STATS)
    _write(folder / STATS, {names.get(key, key): each for key, each in stats.items()})
    for table in (folder / "meta" / "episodes").glob("*/*.parquet"):
        _rename_columns(table, table, _episode_columns(table, names))
    if pictures:
        _rename_in_tables(folder, {key: names[key] for key in pictures})
    _rename_videos(folder, names)


def add_quantiles(folder: Path) -> None:
    """Add the quantiles of states and actions, over all frames, to the statistics."""
    stats = _read(folder / STATS)
    tables = sorted((folder / "data").glob("*/*.parquet"))
    for key in (STATE, ACTION):
        if key in stats:
            columns = [pq.read_table(table, columns=[key]).column(key).combine_chunks() for table in tables]
            rows = [np.asarray(each.flatten(), dtype=np.float64).reshape(len(each), -1) for each in columns]
            values = np.quantile(np.concatenate(rows), list(QUANTILES.values()), axis=0)
            stats[key] |= {name: row.tolist() for name, row in zip(QUANTILES, values, strict=True)}
    _write(folder / STATS, stats)


def fill_stats(folder: Path, keys: Sequence[str]) -> None:
    """Give cameras statistics. LeRobot puts those of ImageNet in their place, but stumbles where there are none."""
    if not keys:
        return
    numbers = {"min": 0.0, "max": 1.0, "mean": 0.5, "std": 0.5}
    plain: dict[str, Any] = {name: [[[number]]] * 3 for name, number in numbers.items()}
    count = {"count": [_read(folder / INFO)["total_frames"]]}
    _write(folder / STATS, {**_read(folder / STATS), **dict.fromkeys(keys, plain | count)})


def _episode_columns(table: Path, names: Mapping[str, str]) -> dict[str, str]:
    """The columns of a camera or a feature among those of the episodes: videos/KEY/… and stats/KEY/… by name."""
    found: dict[str, str] = {}
    for column in pq.read_schema(table).names:
        kind, _, rest = column.partition("/")
        key, _, last = rest.rpartition("/")
        if kind in {"videos", "stats"} and key in names:
            found[column] = f"{kind}/{names[key]}/{last}"
    return found


def _rename_columns(source: Path, target: Path, names: Mapping[str, str]) -> None:
    with pq.ParquetFile(source) as parquet:
        groups = [parquet.read_row_group(index) for index in range(parquet.num_row_groups)]
    changed = [_renamed(group, names) for group in groups]
    with pq.ParquetWriter(target, changed[0].schema) as writer:
        for group in changed:
            writer.write_table(group)


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    renamed = table.rename_columns([names.get(name, name) for name in table.column_names])
    metadata = dict(table.schema.metadata or {})
    if b"huggingface" in metadata:
        described = json.loads(metadata[b"huggingface"])
        features = described.get("info", {}).get("features", {})
        described["info"]["features"] = {names.get(key, key): each for key, each in features.items()}
        metadata[b"huggingface"] = json.dumps(described).encode()
    return renamed.replace_schema_metadata(metadata)


def _rename_in_tables(folder: Path, names: Mapping[str, str]) -> None:
    """Tables that hold pictures are written anew, one at a time."""
    data = folder / "data"
    source = data.resolve()
    target = folder / "data.renamed"
    for table in sorted(source.glob("*/*.parquet")):
        path = target / table.relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        _rename_columns(table, path, names)
    if data.is_symlink():
        data.unlink()
    else:
        shutil.rmtree(data)
    target.rename(data)


def _rename_videos(folder: Path, names: Mapping[str, str]) -> None:
    videos = folder / "videos"
    if not videos.is_dir():
        return
    source = videos.resolve()
    if videos.is_symlink():
        videos.unlink()
        videos.mkdir()
        for each in source.iterdir():
            (videos / names.get(each.name, each.name)).symlink_to(each, target_is_directory=True)
        return
    # In two steps, as one may take the name of another.
    moved = {each: videos / f".{each.name}" for each in videos.iterdir() if each.name in names}
    for each, aside in moved.items():
        each.rename(aside)
    for each, aside in moved.items():
        aside.rename(videos / names[each.name])


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=4), encoding="utf-8")

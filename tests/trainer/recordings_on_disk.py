"""A writer of tiny LeRobot datasets, v2.0, v2.1 and v3.0, with pictures or H.264 videos, and without LeRobot.

Videos are H.264 on purpose: LeRobot's own encoder, SVT-AV1, takes real-time priority as root.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq

Json = dict[str, Any]

TOP: Final = "observation.images.top"
WRIST: Final = "observation.images.wrist"
SIDE: Final = "observation.images.side"
QUANTILES: Final = (0.01, 0.10, 0.50, 0.90, 0.99)


@dataclass(frozen=True)
class Plan:
    """What is written. `lengths` are frames of each episode; `videos`: pictures lie in mp4 files, else in the tables."""

    version: str = "v3.0"
    cameras: tuple[str, ...] = (TOP, WRIST)
    lengths: tuple[int, ...] = (8, 6, 7)
    fps: float = 10
    size: int = 32
    videos: bool = False
    state: int | None = 6
    action: int = 6
    robot: str = "so100"
    tasks: tuple[str, ...] = ("pick the cube",)
    mode: str = "RGB"
    quantiles: bool = True
    tables: int = 1
    features: Mapping[str, Json] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Over all episodes."""
        return sum(self.lengths)


def write_recording(folder: Path, **changes: Any) -> Path:
    """Write a dataset; `changes` are fields of `Plan`. Returns the folder."""
    plan = replace(Plan(), **changes)
    (folder / "meta").mkdir(parents=True)
    rows = _rows(plan)
    if plan.version == "v3.0":
        _write_v30(folder, plan, rows)
    else:
        _write_v2(folder, plan, rows)
    return folder


def read_info(folder: Path) -> Json:
    """The dataset's account of itself."""
    info: Json = json.loads((folder / "meta" / "info.json").read_text(encoding="utf-8"))
    return info


def change_info(folder: Path, **changes: Any) -> None:
    """Change keys of meta/info.json; None removes one."""
    info = {**read_info(folder), **changes}
    write_json(folder / "meta" / "info.json", {key: value for key, value in info.items() if value is not None})


def change_feature(folder: Path, key: str, **changes: Any) -> None:
    """Change what meta/info.json says of one feature."""
    features = read_info(folder)["features"]
    features[key] = {**features.get(key, {}), **changes}
    change_info(folder, features=features)


def rename_feature(folder: Path, key: str, name: str | None) -> None:
    """Give a feature another name in meta/info.json alone; None removes it."""
    features = read_info(folder)["features"]
    info = {(name or "") if each == key else each: value for each, value in features.items()}
    change_info(folder, features={each: value for each, value in info.items() if each})


def change_stats(folder: Path, key: str, name: str, value: Any) -> None:
    """Change one statistic; None removes it."""
    stats: Json = json.loads((folder / "meta" / "stats.json").read_text(encoding="utf-8"))
    stats[key][name] = value
    if value is None:
        del stats[key][name]
    write_json(folder / "meta" / "stats.json", stats)


def change_table(folder: Path, path: str, **columns: Any) -> None:
    """Replace columns of a table by lists of the same length; None removes one."""
    table = pq.read_table(folder / path)
    for word, values in columns.items():
        name = word.replace("__", "/")
        if name in table.column_names:
            kept = table.schema.field(name)
            position = table.column_names.index(name)
            table = table.remove_column(position)
            if values is not None:
                table = table.add_column(position, kept.name, [_column(values, kept.type)])
        elif values is not None:
            table = table.append_column(name, [values])
    pq.write_table(table, folder / path)


def column(folder: Path, path: str, name: str) -> list[Any]:
    """The values of a column."""
    values: list[Any] = pq.read_table(folder / path).column(name).to_pylist()
    return values


def write_json(path: Path, document: object) -> None:
    """A JSON file; what is not a number is written as Python does, NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def picture(plan: Plan, camera: int, frame: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A picture that tells its camera by colour and its frame by the place of a bright bar."""
    pixels = np.zeros((plan.size, plan.size, 3), dtype=np.uint8)
    pixels[:, :, camera % 3] = 120
    at = (frame * 3) % (plan.size - 4)
    pixels[:, at : at + 4, :] = 250
    return pixels


def write_video(path: Path, pictures: Sequence[np.ndarray[Any, Any]], fps: float) -> None:
    """An H.264 video with a key frame every second frame, as LeRobot writes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, _ = pictures[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(1001), options={"g": "2", "crf": "20", "bf": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for pixels in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=kind)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array(values)


def _features(plan: Plan) -> Json:
    features: Json = {}
    names = [f"joint_{index}" for index in range(64)]
    if plan.state:
        features["observation.state"] = {"dtype": "float32", "shape": [plan.state], "names": names[: plan.state]}
    features["action"] = {"dtype": "float32", "shape": [plan.action], "names": names[: plan.action]}
    for key in plan.cameras:
        features[key] = {
            "dtype": "video" if plan.videos else "image",
            "shape": [plan.size, plan.size, 3],
            "names": ["height", "width", "channels"],
        }
        if plan.videos:
            features[key]["info"] = {"video.fps": plan.fps, "video.codec": "h264", "video.is_depth_map": False}
    features["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
    for key in ("frame_index", "episode_index", "index", "task_index"):
        features[key] = {"dtype": "int64", "shape": [1], "names": None}
    return {**features, **plan.features}


def _rows(plan: Plan) -> list[Json]:
    rows: list[Json] = []
    for episode, length in enumerate(plan.lengths):
        for frame in range(length):
            angle = frame / length + episode
            row: Json = {}
            if plan.state:
                row["observation.state"] = [math.sin(angle + joint) for joint in range(plan.state)]
            row["action"] = [math.cos(angle + joint) for joint in range(plan.action)]
            if not plan.videos:
                row |= {key: _cell(plan, place, frame) for place, key in enumerate(plan.cameras)}
            row |= {
                "timestamp": np.float32(frame / plan.fps),
                "frame_index": frame,
                "episode_index": episode,
                "index": len(rows),
                "task_index": episode % len(plan.tasks),
            }
            rows.append(row)
    return rows


def _cell(plan: Plan, camera: int, frame: int) -> Json:
    kept = io.BytesIO()
    PIL.Image.fromarray(picture(plan, camera, frame)).convert(plan.mode).save(kept, "PNG")
    return {"bytes": kept.getvalue(), "path": None}


def _table(plan: Plan, rows: Sequence[Json]) -> pa.Table:
    fields = []
    for key in rows[0]:
        if key in plan.cameras:
            kind: Any = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        elif key in {"observation.state", "action"}:
            kind = pa.list_(pa.float32(), len(rows[0][key]))
        else:
            kind = pa.float32() if key == "timestamp" else pa.int64()
        fields.append(pa.field(key, kind))
    table = pa.Table.from_pylist(list(rows), schema=pa.schema(fields))
    kinds: Json = {key: {"_type": "Image"} for key in plan.cameras if not plan.videos}
    kinds |= {
        name: {"feature": {"dtype": "float32", "_type": "Value"}, "length": len(rows[0][name]), "_type": "Sequence"}
        for name in ("observation.state", "action")
        if name in rows[0]
    }
    kinds |= {
        name: {"dtype": "float32" if name == "timestamp" else "int64", "_type": "Value"}
        for name in rows[0]
        if name not in kinds
    }
    ordered = {name: kinds[name] for name in rows[0]}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": ordered}})})


def _stats(plan: Plan, rows: Sequence[Json]) -> Json:
    found: Json = {}
    for key in ("observation.state", "action", "timestamp", "frame_index", "episode_index", "index", "task_index"):
        if key not in rows[0]:
            continue
        values = np.array([row[key] for row in rows], dtype=np.float64).reshape(len(rows), -1)
        found[key] = _of(plan, values)
    for place, key in enumerate(plan.cameras):
        pixels = np.stack([picture(plan, place, frame) for frame in range(plan.lengths[0])]) / 255.0
        flat = _of(plan, pixels.reshape(-1, 3))
        found[key] = {
            name: value if name == "count" else [[[number]] for number in value] for name, value in flat.items()
        }
        found[key]["count"] = [len(rows)]
    return found


def _of(plan: Plan, values: np.ndarray[Any, Any]) -> Json:
    plain = {name: getattr(values, name)(axis=0).tolist() for name in ("min", "max", "mean", "std")}
    plain["count"] = [len(values)]
    if not plan.quantiles:
        return plain
    return plain | {f"q{round(share * 100):02d}": np.quantile(values, share, axis=0).tolist() for share in QUANTILES}


def _info(plan: Plan) -> Json:
    return {
        "codebase_version": plan.version,
        "robot_type": plan.robot,
        "total_episodes": len(plan.lengths),
        "total_frames": plan.frames,
        "total_tasks": len(plan.tasks),
        "chunks_size": 1000,
        "fps": plan.fps,
        "splits": {"train": f"0:{len(plan.lengths)}"},
        "features": _features(plan),
    }


def _write_v30(folder: Path, plan: Plan, rows: Sequence[Json]) -> None:
    write_json(
        folder / "meta" / "info.json",
        _info(plan)
        | {
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
            if plan.videos
            else None,
        },
    )
    write_json(folder / "meta" / "stats.json", _stats(plan, rows))
    tasks = pa.table({"task_index": list(range(len(plan.tasks))), "task": list(plan.tasks)})
    described = [
        {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": kind, "metadata": None}
        for name, kind in (("task_index", "int64"), ("task", "object"))
    ]
    pandas = {"index_columns": ["task"], "columns": described, "column_indexes": [], "pandas_version": "2.3.3"}
    pq.write_table(tasks.replace_schema_metadata({"pandas": json.dumps(pandas)}), folder / "meta" / "tasks.parquet")
    share = math.ceil(len(plan.lengths) / plan.tables)
    for table in range(plan.tables):
        path = folder / f"data/chunk-000/file-{table:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_table(plan, [row for row in rows if row["episode_index"] // share == table]), path)
    if plan.videos:
        for place, key in enumerate(plan.cameras):
            pictures = [picture(plan, place, row["frame_index"]) for row in rows]
            write_video(folder / f"videos/{key}/chunk-000/file-000.mp4", pictures, plan.fps)
    _write_episodes(folder, plan, rows, share)


def _write_episodes(folder: Path, plan: Plan, rows: Sequence[Json], share: int) -> None:
    listed: list[Json] = []
    start = 0
    for episode, length in enumerate(plan.lengths):
        own = [row for row in rows if row["episode_index"] == episode]
        entry: Json = {
            "episode_index": episode,
            "data/chunk_index": 0,
            "data/file_index": episode // share,
            "dataset_from_index": start,
            "dataset_to_index": start + length,
            "tasks": [plan.tasks[episode % len(plan.tasks)]],
            "length": length,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        for key in plan.cameras if plan.videos else ():
            entry |= {f"videos/{key}/chunk_index": 0, f"videos/{key}/file_index": 0}
            entry[f"videos/{key}/from_timestamp"] = start / plan.fps
            entry[f"videos/{key}/to_timestamp"] = (start + length) / plan.fps
        for key, stats in _stats(plan, own).items():
            entry |= {f"stats/{key}/{name}": value for name, value in stats.items()}
        listed.append(entry)
        start += length
    path = folder / "meta/episodes/chunk-000/file-000.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(listed), path)


def _write_v2(folder: Path, plan: Plan, rows: Sequence[Json]) -> None:
    video = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    write_json(
        folder / "meta" / "info.json",
        _info(plan)
        | {
            "total_videos": len(plan.lengths) * len(plan.cameras) if plan.videos else 0,
            "total_chunks": 1,
            "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
            "video_path": video if plan.videos else None,
        },
    )
    _write_jsonl(folder / "meta/tasks.jsonl", [{"task_index": i, "task": task} for i, task in enumerate(plan.tasks)])
    episodes = [
        {"episode_index": episode, "tasks": [plan.tasks[episode % len(plan.tasks)]], "length": length}
        for episode, length in enumerate(plan.lengths)
    ]
    _write_jsonl(folder / "meta/episodes.jsonl", episodes)
    stats: list[Json] = []
    for episode in range(len(plan.lengths)):
        own = [row for row in rows if row["episode_index"] == episode]
        stats.append({"episode_index": episode, "stats": _stats(plan, own)})
        path = folder / f"data/chunk-000/episode_{episode:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_table(plan, own), path)
        for place, key in enumerate(plan.cameras if plan.videos else ()):
            pictures = [picture(plan, place, row["frame_index"]) for row in own]
            file = video.format(episode_chunk=0, video_key=key, episode_index=episode)
            write_video(folder / file, pictures, plan.fps)
    if plan.version == "v2.1":
        _write_jsonl(folder / "meta/episodes_stats.jsonl", stats)
    else:
        write_json(folder / "meta/stats.json", _stats(plan, rows))


def _write_jsonl(path: Path, rows: Sequence[Json]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")

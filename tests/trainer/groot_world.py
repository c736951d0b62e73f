"""For the tests of GR00T: runs, and small datasets of format 3.0 written with nothing but pyarrow and PyAV."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.trainer.documents import put, run_document
from trainer.contract.run import Run, parse_run

FPS: Final = 10
SIDE: Final = 64
STATE: Final = 6
CAMERAS: Final = ("observation.images.top", "observation.images.wrist")


def groot_run(kind: str = "gr00t_n1_6", /, **changes: object) -> Run:
    """A run of the golden robot document, on GR00T and without what it cannot do."""
    document = run_document(
        "train.robot", jobType="vla", model__type=kind, model__name="nvidia/GR00T", model__path="/inputs/model"
    )
    document.pop("reward")
    document.pop("evaluation")
    document["cameras"] = []
    put(document, ["hyperparameters", "imageAugmentation"], value=False)
    for place, value in changes.items():
        put(document, place.split("__"), value)
    return parse_run(document)


def shade(episode: int, frame: int) -> int:
    """The grey of a frame's pictures, by which it is known again."""
    return 20 + 40 * episode + 4 * frame


def write_recording(root: Path, lengths: Sequence[int], *, kind: str = "video", key_frames: int = 1000) -> Path:
    """A dataset of format 3.0 whose episodes share files. `key_frames`: frames between two that begin anew."""
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    features: dict[str, Any] = {
        "observation.state": {"dtype": "float32", "shape": [STATE], "names": None},
        "action": {"dtype": "float32", "shape": [STATE], "names": None},
        **{key: {"dtype": kind, "shape": [SIDE, SIDE, 3], "names": ["height", "width", "channels"]} for key in CAMERAS},
        **{key: {"dtype": "int64", "shape": [1], "names": None} for key in ("episode_index", "index", "task_index")},
    }
    facts = {
        "codebase_version": "v3.0",
        "fps": FPS,
        "robot_type": "so100",
        "total_episodes": len(lengths),
        "total_frames": sum(lengths),
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        "features": features,
    }
    (root / "meta").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps(facts))
    tasks = pa.table({"task_index": [0], "__index_level_0__": ["put the cup on the plate"]})
    pq.write_table(tasks, root / "meta/tasks.parquet")
    _write(
        root / "meta/episodes/chunk-000/file-000.parquet", [_episode(n, lengths, starts) for n in range(len(lengths))]
    )
    frames = [(episode, frame) for episode, length in enumerate(lengths) for frame in range(length)]
    _write(root / "data/chunk-000/file-000.parquet", [_row(kind, *each, index) for index, each in enumerate(frames)])
    if kind == "video":
        for key in CAMERAS:
            _video(root / f"videos/{key}/chunk-000/file-000.mp4", frames, key_frames)
    return root


def greys(video: Path) -> list[int]:
    """The mean grey of each frame of a video."""
    with closing(av.open(str(video))) as source:
        return [round(float(frame.to_ndarray(format="gray").mean())) for frame in source.decode(video=0)]


def _episode(number: int, lengths: Sequence[int], starts: Sequence[int]) -> dict[str, Any]:
    place = {
        f"{kind}/{part}": 0
        for kind in ("data", *(f"videos/{key}" for key in CAMERAS))
        for part in ("chunk_index", "file_index")
    }
    times = {f"videos/{key}/from_timestamp": starts[number] / FPS for key in CAMERAS}
    statistics = {f"stats/action/{name}": [float(number)] * STATE for name in ("min", "max", "mean", "std")}
    return {
        "episode_index": number,
        "tasks": ["put the cup on the plate"],
        "length": lengths[number],
        "dataset_from_index": starts[number],
        "dataset_to_index": starts[number] + lengths[number],
        **place,
        **times,
        **statistics,
        f"stats/{CAMERAS[1]}/mean": [[[0.5]], [[0.5]], [[0.5]]],
    }


def _row(kind: str, episode: int, frame: int, index: int) -> dict[str, Any]:
    numbers = [float(episode), float(frame), *([0.0] * (STATE - 2))]
    row = {
        "observation.state": numbers,
        "action": numbers,
        "timestamp": frame / FPS,
        "frame_index": frame,
        "episode_index": episode,
        "index": index,
        "task_index": 0,
    }
    return row | (
        {key: {"bytes": _png(shade(episode, frame)), "path": ""} for key in CAMERAS} if kind == "image" else {}
    )


def _png(grey: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (grey, grey, grey)).save(content, "PNG")
    return content.getvalue()


def _write(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), file)


def _video(file: Path, frames: Sequence[tuple[int, int]], key_frames: int) -> None:
    """One video of all episodes; a key frame begins each of them only where `key_frames` makes it so."""
    file.parent.mkdir(parents=True)
    with av.open(str(file), "w") as output:
        options = {"crf": "10", "g": str(key_frames), "keyint_min": str(key_frames), "sc_threshold": "0"}
        stream: Any = output.add_stream("libx264", rate=FPS, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for number, (episode, frame) in enumerate(frames):
            grey = np.full((SIDE, SIDE, 3), shade(episode, frame), np.uint8)
            picture = av.VideoFrame.from_ndarray(grey, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))

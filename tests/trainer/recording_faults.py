"""Ways in which a dataset of a robot, or what is asked of it, can be wrong: each breaks a sound one in one place."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest

from tests.trainer.recordings_on_disk import (
    TOP,
    WRIST,
    Plan,
    change_feature,
    change_info,
    change_stats,
    change_table,
    column,
    picture,
    write_json,
    write_recording,
    write_video,
)
from tests.trainer.robot_runs import policy_folder, robot_document
from trainer.contract.run import parse_run
from trainer.failures import UserError
from trainer.recordings.preflight import check_recordings

Break = Callable[[Path], object]

TABLE: Final = "data/chunk-000/file-000.parquet"
EPISODES: Final = "meta/episodes/chunk-000/file-000.parquet"
VIDEO: Final = f"videos/{TOP}/chunk-000/file-000.mp4"
OLD_TABLE: Final = "data/chunk-000/episode_000001.parquet"
OLD_VIDEO: Final = f"videos/chunk-000/{WRIST}/episode_000001.mp4"


@dataclass(frozen=True)
class Case:
    """A dataset (`plan` as fields of the writer's), what is then broken, what is asked, and what must be said."""

    code: str
    says: tuple[str, ...]
    advises: str
    breaks: Break = bool
    plan: dict[str, Any] = field(default_factory=dict)
    model: str = "act"
    asks: dict[str, Any] = field(default_factory=dict)
    param: str = "spec.datasets[0].uri"
    second: dict[str, Any] | None = None
    policy: tuple[str | None, list[str], dict[str, Any]] | None = None


def removes(path: str) -> Break:
    def broken(folder: Path) -> None:
        (folder / path).unlink()

    return broken


def cuts(path: str, share: float = 0.5) -> Break:
    def broken(folder: Path) -> None:
        file = folder / path
        os.truncate(file, int(file.stat().st_size * share))

    return broken


def writes(path: str, content: str | bytes) -> Break:
    def broken(folder: Path) -> None:
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)

    return broken


def info(**changes: Any) -> Break:
    return lambda folder: change_info(folder, **changes)


def feature(key: str, **changes: Any) -> Break:
    return lambda folder: change_feature(folder, key, **changes)


def stats(key: str, name: str, value: Any) -> Break:
    return lambda folder: change_stats(folder, key, name, value)


def drops_stats_of(key: str) -> Break:
    def broken(folder: Path) -> None:
        kept = json.loads((folder / "meta/stats.json").read_text())
        del kept[key]
        write_json(folder / "meta/stats.json", kept)

    return broken


def cell(name: str, row: int, value: Any, path: str = TABLE) -> Break:
    """Change one value of a column."""

    def broken(folder: Path) -> None:
        values = column(folder, path, name)
        values[row] = value
        change_table(folder, path, **{name: values})

    return broken


def listing(name: str, row: int, value: Any) -> Break:
    """Change one value of the list of episodes."""
    return cell(name, row, value, EPISODES)


def drops_column(name: str, path: str = TABLE) -> Break:
    return lambda folder: change_table(folder, path, **{name: None})


def adds_column(folder: Path) -> None:
    change_table(folder, TABLE, rewrad=[0.0] * 21)


def drops_rows(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / TABLE).slice(0, 18), folder / TABLE)


def damages_page(folder: Path) -> None:
    """The footer is whole, the values are not."""
    file = folder / TABLE
    content = bytearray(file.read_bytes())
    content[60 : len(content) // 2] = bytes(len(content) // 2 - 60)
    file.write_bytes(content)


def scales_times(folder: Path) -> None:
    change_table(folder, TABLE, timestamp=[time / 3 for time in column(folder, TABLE, "timestamp")])


def hides_codec(folder: Path) -> None:
    file = folder / VIDEO
    file.write_bytes(file.read_bytes().replace(b"avc1", b"xyz1"))


def shortens_video(folder: Path) -> None:
    write_video(folder / VIDEO, [picture(Plan(), 0, frame) for frame in range(15)], 10)


def slows_video(folder: Path) -> None:
    write_video(folder / VIDEO, [picture(Plan(), 0, frame) for frame in range(21)], 5)


def grows_video(folder: Path) -> None:
    write_video(folder / VIDEO, [picture(Plan(size=48), 0, frame) for frame in range(21)], 10)


def absent_for_one(folder: Path) -> None:
    """Of the second episode no video of a camera is listed."""
    for name in ("chunk_index", "file_index", "from_timestamp", "to_timestamp"):
        listing(f"videos/{WRIST}/{name}", 1, None)(folder)


def doubles_frame(folder: Path) -> None:
    """A picture of another size, in the middle of an episode."""
    kept = io.BytesIO()
    PIL.Image.fromarray(np.zeros((64, 32, 3), dtype=np.uint8)).save(kept, "PNG")
    cell(TOP, 4, {"bytes": kept.getvalue(), "path": None})(folder)


def points_outside(folder: Path) -> None:
    change_info(folder, data_path="../../elsewhere/file-{file_index:03d}.parquet")
    (folder.parents[1] / "elsewhere").mkdir(exist_ok=True)
    shutil.copy(folder / TABLE, folder.parents[1] / "elsewhere" / "file-000.parquet")


def nests(folder: Path) -> None:
    """The dataset lies one folder deeper than it was named."""
    inner = folder.parent / "inner"
    folder.rename(inner)
    folder.mkdir()
    inner.rename(folder / "shirts-v3")


def swells(folder: Path) -> None:
    """A sparse video, larger than any disk here."""
    os.truncate(folder / "videos" / "chunk-000" / TOP / "episode_000000.mp4", 2**43)


def renames_column(name: str, other: str) -> Break:
    def broken(folder: Path) -> None:
        table = pq.read_table(folder / TABLE)
        pq.write_table(
            table.rename_columns([other if each == name else each for each in table.column_names]), folder / TABLE
        )

    return broken


def refusal_of(folder: Path, case: Case) -> UserError:
    """What is said of the case, made in `folder`."""
    first = write_recording(folder / "data" / "first", **case.plan)
    folders = [first]
    if case.second is not None:
        folders.append(write_recording(folder / "data" / "second", **case.second))
    case.breaks(first)
    document: dict[str, Any] = dict(case.asks)
    if case.policy:
        kind, keys, settings = case.policy
        path = policy_folder(folder / "policy", kind, keys, **settings)
        document["model"] = {"name": f"lerobot/{case.model}", "type": case.model, "path": str(path)}
    of_dataset = {name: document.pop(name) for name in ("episodes", "weight", "files", "format") if name in document}
    if of_dataset:
        place = {"name": "first", "split": "train", "uri": "pvc://data/first", "path": str(first)}
        document["datasets"] = [{**place, **of_dataset}]
    with pytest.raises(UserError) as caught:
        check_recordings(parse_run({**robot_document(folder / "workspace", folders, case.model), **document}))
    return caught.value


def is_told_well(refusal: UserError, case: Case, folder: Path) -> None:
    """Assert that it names what is to blame and a remedy, and no path inside of the pod."""
    assert refusal.code == case.code, refusal.message
    for word in case.says:
        assert word in refusal.message
    assert refusal.advice
    assert case.advises in refusal.advice
    assert refusal.param == case.param
    assert str(folder) not in refusal.message

"""What checkpoints need on a volume and decoded frames in memory: told, warned of, and refused where it is certain."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.recordings_on_disk import SIDE, TOP, WRIST, write_recording
from tests.trainer.robot_runs import policy_folder, robot_document, robot_run
from trainer.contract.run import parse_run
from trainer.contract.sources import Dataset
from trainer.failures import UserError
from trainer.recordings.findings import FOLDER, NUMBERS, add_to_findings
from trainer.recordings.frames_ahead import FramesAhead, frame_bytes, memory_limit
from trainer.recordings.gathering import gather
from trainer.recordings.reading import read_recording
from trainer.recordings.recording import Recording
from trainer.recordings.room import Checkpoints, bytes_of, bytes_written, check_checkpoints
from trainer.recordings.work import Work
from trainer.workspace.layout import Workspace

GIB = 2**30
TERABYTES = 2**42
PI0 = Checkpoints(parameters=3_000_000_000, weight_bytes=2, kept=2)


def test_a_volume_that_holds_not_one_checkpoint_is_refused_with_both_numbers() -> None:
    with pytest.raises(UserError) as refused:
        check_checkpoints(PI0, 5 * GIB)
    assert (refused.value.code, refused.value.param) == ("WorkspaceFull", "spec.output")
    assert "5.6 GiB of weights, and 5.0 GiB are free" in refused.value.message


def test_a_volume_that_may_be_too_small_is_warned_of_and_one_that_is_not_is_not() -> None:
    warning = check_checkpoints(PI0, 50 * GIB)
    assert "may need 89.4 GiB" in warning
    assert "keepLast" in warning
    assert check_checkpoints(PI0, 90 * GIB) == ""


def test_frames_of_videos_take_a_byte_for_each_colour_and_pictures_of_tables_four(tmp_path: Path) -> None:
    sizes = {}
    for videos in (True, False):
        folder = write_recording(tmp_path / str(videos), videos=videos)
        sizes[videos] = frame_bytes(read_recording(Dataset("d", "train", "pvc://d", folder, "spec.datasets[0]")))
    assert sizes == {True: 2 * 32 * 32 * 3, False: 2 * 32 * 32 * 3 * 4}


def test_frames_that_will_hardly_fit_are_warned_of_by_the_settings_that_help() -> None:
    ahead = FramesAhead(frame_bytes=3 * 480 * 640 * 3, rows=8, workers=8, processes=8)
    assert ahead.held_bytes == 8 * (8 * 4 + 1) * 8 * 3 * 480 * 640 * 3
    assert "8 x 8 workers x 4 batches of 8 frames, 2.6 MiB each); this pod may use 8.0 GiB" in ahead.told(8 * GIB)
    assert "num_workers" in ahead.warning(8 * GIB)
    assert ahead.warning(64 * GIB) == ""
    assert ahead.warning(None) == ""
    assert "may use" not in ahead.told(None)


@pytest.mark.parametrize(
    ("texts", "limit"),
    [
        (["17179869184\n"], 17179869184),
        (["max\n"], None),
        ([None, "1024"], 1024),
        ([None, "9223372036854771712"], None),
        ([None, None], None),
    ],
)
def test_the_limit_of_the_pod_is_read_from_either_kind_of_cgroup(
    tmp_path: Path, texts: list[str | None], limit: int | None
) -> None:
    places = [tmp_path / str(index) for index in range(len(texts))]
    for place, text in zip(places, texts, strict=True):
        if text is not None:
            place.write_text(text)
    assert memory_limit(places) == limit


def test_what_is_known_later_is_added_to_the_numbers(tmp_path: Path) -> None:
    add_to_findings(tmp_path, "disk", {"freeBytes": 1})
    add_to_findings(tmp_path, "disk", {"gatheredBytes": 2})
    kept = json.loads((tmp_path / FOLDER / NUMBERS).read_text())
    assert kept == {"disk": {"freeBytes": 1, "gatheredBytes": 2}}


def test_quantiles_are_added_to_terabytes_of_videos_on_a_volume_that_could_not_hold_them(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen", videos=True, quantiles=False)
    video = folder / f"videos/{TOP}/chunk-000/file-000.mp4"
    os.truncate(video, TERABYTES)
    keys = [f"observation.images.{name}" for name in ("base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb")]
    model = {"name": "lerobot/pi05_base", "type": "pi05", "path": str(policy_folder(tmp_path / "pi05", "pi05", keys))}
    cameras = [{"slot": "base_0_rgb", "datasetKey": TOP}]
    run = parse_run({**robot_document(tmp_path / "workspace", [folder], "pi05", cameras=cameras), "model": model})
    root = gather(run, Workspace(run.workspace)).root
    assert "q99" in json.loads((root / "meta/stats.json").read_text())["action"]
    assert (root / video.relative_to(folder)).samefile(video)


def test_videos_get_other_names_on_a_volume_that_could_not_hold_them(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen", videos=True)
    video = folder / f"videos/{TOP}/chunk-000/file-000.mp4"
    os.truncate(video, TERABYTES)
    run = robot_run(tmp_path / "workspace", [folder], "wall_oss", cameras=[{"slot": "face_view", "datasetKey": TOP}])
    root = gather(run, Workspace(run.workspace)).root
    assert (root / "videos/observation.images.face_view/chunk-000/file-000.mp4").samefile(video)


def _recorded(folder: Path, **plan: Any) -> Recording:
    return read_recording(Dataset("d", "train", "pvc://d", write_recording(folder, **plan), "spec.datasets[0]"))


def test_what_is_rewritten_counts_and_what_is_linked_does_not(tmp_path: Path) -> None:
    filmed, pictured = _recorded(tmp_path / "filmed", videos=True), _recorded(tmp_path / "pictured")
    old = _recorded(tmp_path / "old", version="v2.1", videos=True)
    names = {WRIST: SIDE}
    assert bytes_written(Work((filmed,), names, quantiles=True)) == bytes_of(filmed, "meta")
    assert bytes_written(Work((pictured,), {}, quantiles=True)) == bytes_of(pictured, "meta")
    assert bytes_written(Work((pictured,), names, quantiles=False)) == bytes_of(pictured, "meta") + bytes_of(
        pictured, "data"
    )
    assert bytes_written(Work((old,), {}, quantiles=False)) == bytes_of(old)


def test_parts_and_what_is_merged_of_them_lie_on_the_volume_together(tmp_path: Path) -> None:
    new, old = _recorded(tmp_path / "new", videos=True), _recorded(tmp_path / "old", version="v2.1", videos=True)
    assert bytes_written(Work((new, new), {}, quantiles=False)) == 2 * bytes_of(new, "meta") + 2 * bytes_of(new)
    assert bytes_written(Work((new, old), {}, quantiles=False)) == bytes_of(new, "meta") + bytes_of(new) + 2 * bytes_of(
        old
    )

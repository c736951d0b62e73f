"""What nobody looks at in a job is warned of and not refused, but where LeRobot reads it all the same."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.trainer.documents import Json
from tests.trainer.recording_faults import TABLE, cuts, drops_stats_of
from tests.trainer.recordings_on_disk import TOP, WRIST, change_feature, change_table, column, write_recording
from tests.trainer.robot_runs import inspection, robot_run
from trainer.failures import UserError
from trainer.recordings.gathering import gather
from trainer.recordings.preflight import check_recordings
from trainer.workspace.layout import Workspace

ONE_CAMERA: list[Json] = [{"slot": "cam_1", "datasetKey": TOP}]
EFFORT: Json = {"observation.effort": {"dtype": "float32", "shape": [1], "names": None}}
LEFT = "not refused, since nothing in this job looks at it"
REASON = "No slot is mapped to this camera, but LeRobot reads all cameras"


def _repaint(folder: Path, paint: Callable[[int, PIL.Image.Image], PIL.Image.Image]) -> None:
    """Other pictures for the wrist camera, by row."""
    cells: list[Json] = []
    for row, cell in enumerate(column(folder, TABLE, WRIST)):
        kept = io.BytesIO()
        paint(row, PIL.Image.open(io.BytesIO(cell["bytes"]))).save(kept, "PNG")
        cells.append({"bytes": kept.getvalue(), "path": None})
    change_table(folder, TABLE, **{WRIST: cells})


def _grey(folder: Path) -> Path:
    _repaint(folder, lambda _, picture: picture.convert("L"))
    change_feature(folder, WRIST, shape=[32, 32, 1])
    return folder


def _warnings(tmp_path: Path, folder: Path) -> list[str]:
    found = check_recordings(robot_run(tmp_path / "workspace", [folder], cameras=ONE_CAMERA))
    return [each for each in found.warnings if LEFT in each]


def _refusal(tmp_path: Path, folder: Path, **changes: Any) -> UserError:
    with pytest.raises(UserError) as refused:
        check_recordings(robot_run(tmp_path / "workspace", [folder], **{"cameras": ONE_CAMERA, **changes}))
    return refused.value


def test_a_grey_camera_without_a_slot_is_warned_of_in_one_line(tmp_path: Path) -> None:
    (warning,) = _warnings(tmp_path, _grey(write_recording(tmp_path / "kitchen")))
    assert warning.startswith("pvc://data/kitchen: ")
    assert f"camera {WRIST}, frame 0: the picture is L" in warning


def test_an_inspection_looks_at_every_camera(tmp_path: Path) -> None:
    folder = _grey(write_recording(tmp_path / "kitchen"))
    with pytest.raises(UserError, match="the picture is L"):
        check_recordings(inspection(tmp_path / "workspace", folder))


def test_the_camera_of_a_reward_model_is_looked_at(tmp_path: Path) -> None:
    folder = _grey(write_recording(tmp_path / "kitchen"))
    refused = _refusal(tmp_path, folder, jobType="vla_w_reward", reward={"imageKey": WRIST})
    assert "the picture is L" in refused.message


def test_variations_of_pictures_need_one_or_three_channels_of_every_camera(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    _repaint(folder, lambda _, picture: picture.convert("RGBA"))
    change_feature(folder, WRIST, shape=[32, 32, 4])
    varied = robot_run(tmp_path / "workspace", [folder], cameras=ONE_CAMERA)
    assert varied.hyperparameters.image_augmentation
    with pytest.raises(UserError) as caught:
        check_recordings(varied)
    refused = caught.value
    plain = replace(varied, hyperparameters=replace(varied.hyperparameters, image_augmentation=False))
    assert any("the picture is RGBA" in each for each in check_recordings(plain).warnings)
    assert "4 channels, and imageAugmentation varies every camera" in refused.message
    assert "Leave imageAugmentation out" in refused.advice


def test_pictures_of_one_camera_must_be_alike_as_a_batch_holds_them_all(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    _repaint(folder, lambda row, picture: picture.resize((16, 16)) if row > 12 else picture)
    refused = _refusal(tmp_path, folder)
    assert "16 wide and 16 high, and another one of this camera is RGB, 32 wide" in refused.message
    assert REASON in refused.advice


def test_a_video_that_is_cut_off_is_refused_whoever_looks_at_it_and_the_reason_is_told(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen", videos=True)
    cuts(f"videos/{WRIST}/chunk-000/file-000.mp4", 0.6)(folder)
    refused = _refusal(tmp_path, folder)
    assert f"camera {WRIST}" in refused.message
    assert REASON in refused.advice
    assert "remove_feature" in refused.advice


def test_numbers_that_nobody_looks_at_need_not_be_finite(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen", features=EFFORT)
    change_table(folder, TABLE, **{"observation.effort": [0.5] * 20 + [float("nan")]})
    (warning,) = _warnings(tmp_path, folder)
    assert "episode 2, frame 6: observation.effort holds nan" in warning


def test_actions_must_be_finite_under_whatever_name(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen", features={"action.delta": EFFORT["observation.effort"]})
    change_table(folder, TABLE, **{"action.delta": [float("inf")] * 21})
    assert "action.delta holds inf, must be finite" in _refusal(tmp_path, folder).message


def test_statistics_of_a_camera_without_a_slot_are_put_in_beside_the_mounted_dataset(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    drops_stats_of(WRIST)(folder)
    before = (folder / "meta/stats.json").read_bytes()
    assert f"nothing sound of {WRIST}" in _warnings(tmp_path, folder)[0]
    run = robot_run(tmp_path / "workspace", [folder], cameras=ONE_CAMERA)
    root = gather(run, Workspace(run.workspace)).root
    assert set(json.loads((root / "meta/stats.json").read_text())[WRIST]) == {"min", "max", "mean", "std", "count"}
    assert (root / TABLE).samefile(folder / TABLE)
    assert (folder / "meta/stats.json").read_bytes() == before
    wrist = robot_run(tmp_path / "workspace", [folder], cameras=[{"slot": "cam_1", "datasetKey": WRIST}])
    with pytest.raises(UserError, match=f"has nothing of {WRIST}"):
        check_recordings(wrist)


def test_statistics_of_v21_are_converted_as_they_are_and_so_must_be_there(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen", version="v2.1")
    lines = [json.loads(line) for line in (folder / "meta/episodes_stats.jsonl").read_text().splitlines()]
    del lines[1]["stats"][WRIST]
    (folder / "meta/episodes_stats.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    refused = _refusal(tmp_path, folder)
    assert f"episode 1 has nothing of {WRIST}" in refused.message
    assert REASON in refused.advice


def test_of_many_such_features_three_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    names = [f"observation.sensor_{number}" for number in range(6)]
    folder = write_recording(tmp_path / "kitchen", features=dict.fromkeys(names, EFFORT["observation.effort"]))
    change_table(folder, TABLE, **{name: [float("nan")] * 21 for name in names})
    found = check_recordings(robot_run(tmp_path / "workspace", [folder], cameras=ONE_CAMERA))
    assert len([each for each in found.warnings if LEFT in each]) == 3
    assert "pvc://data/kitchen: 3 more of this kind" in found.warnings


def _trembles(folder: Path) -> Path:
    times = [frame / 10 + 0.004 * (frame % 3) for length in (8, 6, 7) for frame in range(length)]
    change_table(folder, TABLE, timestamp=times)
    return folder


def test_times_that_tremble_are_told_where_rows_are_found_by_number(tmp_path: Path) -> None:
    (warning,) = _warnings(tmp_path, _trembles(write_recording(tmp_path / "kitchen")))
    assert "frame 1: timestamp is 0.1040 s, at fps 10 it must be 0.1000 s" in warning


def test_times_that_tremble_are_refused_with_videos_unless_the_job_allows_them(tmp_path: Path) -> None:
    folder = _trembles(write_recording(tmp_path / "kitchen", videos=True))
    refused = _refusal(tmp_path, folder)
    assert "timestamp is 0.1040 s" in refused.message
    assert "hyperparameters.extra.tolerance_s" in refused.advice
    strict = robot_run(tmp_path / "workspace", [folder])
    given = replace(strict.hyperparameters, extra={"tolerance_s": 0.02})
    assert check_recordings(replace(strict, hyperparameters=given)).report.episodes == 3


def test_statistics_of_what_is_true_or_false_may_say_so_in_words(tmp_path: Path) -> None:
    done: Json = {"next.done": {"dtype": "bool", "shape": [1], "names": None}}
    folder = write_recording(tmp_path / "kitchen", features=done)
    change_table(folder, TABLE, **{"next.done": [False] * 20 + [True]})
    stats = json.loads((folder / "meta/stats.json").read_text())
    stats["next.done"] = {"min": [False], "max": [True], "mean": [0.05], "std": [0.2], "count": [21]}
    (folder / "meta/stats.json").write_text(json.dumps(stats))
    assert _warnings(tmp_path, folder) == []
    assert check_recordings(inspection(tmp_path / "workspace", folder)).report.episodes == 3


def test_numbers_in_two_dimensions_are_numbers_whatever_pyarrow_calls_them(tmp_path: Path) -> None:
    skin: Json = {"observation.skin": {"dtype": "float32", "shape": [3, 2], "names": None}}
    folder = write_recording(tmp_path / "kitchen", features=skin)
    kept = pa.array([[0.5] * 6] * 21, type=pa.list_(pa.float32(), 6))
    cells = pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), (3, 2)), kept)
    table = pq.read_table(folder / TABLE).append_column("observation.skin", cells)
    pq.write_table(table, folder / TABLE)
    assert pq.read_schema(folder / TABLE).field("observation.skin").type.extension_name == "arrow.fixed_shape_tensor"
    assert _warnings(tmp_path, folder) == []

"""The older dataset format that GR00T N1.6 reads, written from the newer one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="no pyarrow here: the trainer's image has it")
pytest.importorskip("av", reason="no PyAV here: the trainer's image has it")

import pyarrow.parquet as pq

from tests.trainer.groot_world import CAMERAS, STATE, greys, groot_run, shade, write_recording
from trainer.backends.groot.modality import camera_keys, modality_of
from trainer.backends.groot.older_format.episodes import chosen, read_source
from trainer.backends.groot.older_format.writing import write_older
from trainer.backends.groot.prepare import ready_dataset
from trainer.contract.robots import Camera
from trainer.failures import UserError
from trainer.recordings.gathering import Gathered
from trainer.workspace.layout import Workspace

LENGTHS = (8, 5, 8)
CLOSE = 3
"""Of 256 shades: what a video codec may change."""


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def older(root: Path, *, episodes: tuple[int, ...] | None = None, cameras: tuple[str, ...] = CAMERAS) -> Path:
    source = read_source(root)
    target = root.with_name("older")
    write_older(source, chosen(source, episodes), cameras, target)
    return target


def test_every_episode_has_rows_and_videos_of_its_own_and_info_json_says_where(tmp_path: Path) -> None:
    target = older(write_recording(tmp_path / "newer", LENGTHS))

    facts = json.loads((target / "meta/info.json").read_text())
    assert facts["codebase_version"] == "v2.1"
    assert (facts["total_episodes"], facts["total_frames"], facts["total_videos"]) == (3, 21, 6)
    assert "data_files_size_in_mb" not in facts
    for index, length in enumerate(LENGTHS):
        place = {"episode_chunk": 0, "episode_index": index}
        assert pq.read_table(target / facts["data_path"].format(**place)).num_rows == length
        for camera in CAMERAS:
            assert len(greys(target / facts["video_path"].format(video_key=camera, **place))) == length


@pytest.mark.parametrize("key_frames", [1, 1000], ids=["copied", "encoded anew"])
def test_the_pictures_of_an_episode_are_its_own(tmp_path: Path, key_frames: int) -> None:
    target = older(write_recording(tmp_path / "newer", LENGTHS, key_frames=key_frames))

    for index, length in enumerate(LENGTHS):
        found = greys(target / f"videos/chunk-000/{CAMERAS[0]}/episode_{index:06d}.mp4")
        assert found == pytest.approx([shade(index, frame) for frame in range(length)], abs=CLOSE)


def test_pictures_that_lay_in_the_rows_become_videos(tmp_path: Path) -> None:
    target = older(write_recording(tmp_path / "newer", (4,), kind="image"))

    rows = pq.read_table(target / "data/chunk-000/episode_000000.parquet")
    assert not set(CAMERAS) & set(rows.column_names)
    assert json.loads((target / "meta/info.json").read_text())["features"][CAMERAS[0]]["dtype"] == "video"
    found = greys(target / f"videos/chunk-000/{CAMERAS[1]}/episode_000000.mp4")
    assert found == pytest.approx([shade(0, frame) for frame in range(4)], abs=CLOSE)


def test_a_selection_of_episodes_is_numbered_anew_and_keeps_its_rows_and_statistics(tmp_path: Path) -> None:
    target = older(write_recording(tmp_path / "newer", LENGTHS), episodes=(1, 2), cameras=CAMERAS[:1])

    first, second = (pq.read_table(target / f"data/chunk-000/episode_{n:06d}.parquet") for n in (0, 1))
    assert [row[0] for row in first["observation.state"].to_pylist()] == [1.0] * 5
    assert set(second["episode_index"].to_pylist()) == {1}
    assert second["index"].to_pylist() == list(range(5, 13))
    assert [each["length"] for each in lines(target / "meta/episodes.jsonl")] == [5, 8]
    statistics = lines(target / "meta/episodes_stats.jsonl")
    assert [each["stats"]["action"]["mean"] for each in statistics] == [[1.0] * STATE, [2.0] * STATE]  # type: ignore[index]
    assert CAMERAS[1] not in str(statistics), "a camera that is left out leaves no statistics"
    assert lines(target / "meta/tasks.jsonl") == [{"task_index": 0, "task": "put the cup on the plate"}]


def test_rows_that_are_not_there_and_videos_that_are_too_short_are_refused_with_file_and_episode(
    tmp_path: Path,
) -> None:
    root = write_recording(tmp_path / "newer", LENGTHS)
    rows = root / "data/chunk-000/file-000.parquet"
    pq.write_table(pq.read_table(rows).slice(0, 18), rows)
    with pytest.raises(UserError, match=r"file-000\.parquet has 5 rows of episode 2, whose length is 8"):
        older(root)

    short = write_recording(tmp_path / "short", (4,))
    whole = write_recording(tmp_path / "whole", LENGTHS)
    video = f"videos/{CAMERAS[0]}/chunk-000/file-000.mp4"
    (whole / video).write_bytes((short / video).read_bytes())
    with pytest.raises(UserError, match=r"file-000\.mp4 has 4 frames from second 0 on, and the episode has 8"):
        older(whole)


def test_another_format_and_an_episode_that_is_not_there_are_refused(tmp_path: Path) -> None:
    root = write_recording(tmp_path / "newer", (4,))
    with pytest.raises(UserError, match="it has no episode 7; it has 1, from 0 on"):
        chosen(read_source(root), (0, 7))
    facts = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps(facts | {"codebase_version": "v2.0"}))
    with pytest.raises(UserError, match=r"format 'v2\.0', must be 'v3\.0'"):
        read_source(root)


def test_the_older_dataset_is_made_once_with_its_modality_json_and_found_again(tmp_path: Path) -> None:
    root = write_recording(tmp_path / "newer", LENGTHS)
    run, workspace = groot_run("gr00t_n1_6"), Workspace(tmp_path / "workspace")

    made = ready_dataset(run, workspace, Gathered(root, (0, 2), ()))
    before = (made / "meta/info.json").stat().st_mtime_ns
    again = ready_dataset(run, workspace, Gathered(root, (0, 2), ()))
    other = ready_dataset(run, workspace, Gathered(root, None, ()))

    assert (again, (again / "meta/info.json").stat().st_mtime_ns) == (made, before)
    assert other != made
    assert json.loads((made / "meta/modality.json").read_text())["video"]["top"] == {"original_key": CAMERAS[0]}
    assert ready_dataset(groot_run("gr00t_n1_5"), workspace, Gathered(root, None, ())) == root


def test_modality_json_names_cameras_by_the_jobs_slots_and_takes_all_numbers_together(tmp_path: Path) -> None:
    features = read_source(write_recording(tmp_path / "newer", (4,))).facts["features"]

    modality = modality_of(features, [Camera("front", "", CAMERAS[1]), Camera("side", "")])

    assert modality["video"] == {"front": {"original_key": CAMERAS[1]}}
    assert modality["state"] == modality["action"] == {"robot": {"start": 0, "end": STATE}}
    assert modality["annotation"] == {"human.task_description": {"original_key": "task_index"}}
    assert camera_keys(modality_of(features, [])) == CAMERAS


def test_a_modality_json_that_the_dataset_brings_along_divides_the_numbers_and_may_not_go_beyond_them(
    tmp_path: Path,
) -> None:
    features = read_source(write_recording(tmp_path / "newer", (4,))).facts["features"]
    arm = {"arm": {"start": 0, "end": 5}, "gripper": {"start": 5, "end": 6}}

    assert modality_of(features, [], {"state": arm})["state"] == arm
    with pytest.raises(UserError, match=r"state\.gripper is numbers 5 to 7 of observation\.state, which has 6"):
        modality_of(features, [], {"state": {**arm, "gripper": {"start": 5, "end": 7}}})


def test_a_camera_that_the_dataset_has_not_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    features = read_source(write_recording(tmp_path / "newer", (4,))).facts["features"]
    with pytest.raises(
        UserError, match=r"no camera 'observation\.images\.rwist'\. Did you mean 'observation.images.wrist'"
    ):
        modality_of(features, [Camera("front", "", "observation.images.rwist")])

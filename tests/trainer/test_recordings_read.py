"""What is read of a sound dataset, what the preflight tells of it, and what it keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from tests.trainer.documents import put
from tests.trainer.recordings_on_disk import (
    SIDE,
    TOP,
    WRIST,
    Plan,
    change_feature,
    change_info,
    picture,
    read_info,
    write_recording,
)
from tests.trainer.robot_runs import inspection, robot_document, robot_run, slots
from trainer.contract.run import Run, parse_run
from trainer.contract.sources import Dataset
from trainer.failures import UserError
from trainer.recordings.camera_picture import put_camera_picture, shown_cameras
from trainer.recordings.cameras import CameraPlan, View
from trainer.recordings.contact_sheet import tiles_of
from trainer.recordings.findings import keep_findings
from trainer.recordings.gathering import work_of
from trainer.recordings.pictures import check_pictures
from trainer.recordings.preflight import check_recordings
from trainer.recordings.reading import read_recording
from trainer.recordings.recording import Recording
from trainer.recordings.rows import check_rows
from trainer.recordings.sampling import spread

FORMS = [("v3.0", False), ("v3.0", True), ("v2.1", False), ("v2.1", True)]


def read(folder: Path) -> Recording:
    return read_recording(Dataset("shirts", "train", "pvc://data/shirts", folder, "spec.datasets[0]"))


@pytest.mark.parametrize(("version", "videos"), FORMS)
def test_a_dataset_of_either_version_and_form_is_read_whole(tmp_path: Path, version: str, *, videos: bool) -> None:
    found = read(write_recording(tmp_path / "d", version=version, videos=videos, tasks=("fold", "unfold")))
    assert (found.version, found.fps, found.robot_type, found.frames) == (version, 10.0, "so100", 21)
    assert found.image_keys == (TOP, WRIST)
    assert (found.state_dim, found.action_dim, found.tasks) == (6, 6, ("fold", "unfold"))
    assert [(each.index, each.length, each.start, each.tasks) for each in found.episodes] == [
        (0, 8, 0, ("fold",)),
        (1, 6, 8, ("unfold",)),
        (2, 7, 14, ("fold",)),
    ]
    assert bool(found.episodes[1].clips) == videos
    assert all((tmp_path / "d" / clip.path).is_file() for each in found.episodes for clip in each.clips.values())
    assert all((tmp_path / "d" / each.path).is_file() for each in found.episodes)


@pytest.mark.parametrize(("version", "videos"), FORMS)
def test_the_pictures_are_those_of_their_camera_and_frame(tmp_path: Path, version: str, *, videos: bool) -> None:
    found = read(write_recording(tmp_path / "d", version=version, videos=videos))
    seen = check_pictures(found, found.image_keys, [1])
    assert (seen.frames, seen.episodes) == (2 * 3, (1,))
    for place, key in enumerate(found.image_keys):
        wanted = picture(Plan(), place, 0).astype(int)
        assert np.abs(seen.first[key].astype(int) - wanted).mean() < (12 if videos else 0.1)


def test_a_camera_that_sees_depth_is_none_that_can_be_mapped(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d")
    change_feature(folder, WRIST, info={"is_depth_map": True})
    found = read(folder)
    assert (found.image_keys, found.depth_keys) == ((TOP,), (WRIST,))


def test_channels_may_come_first_when_their_names_say_so(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d")
    for key in (TOP, WRIST):
        change_feature(folder, key, shape=[3, 32, 32], names=["channels", "height", "width"])
    assert read(folder).features[TOP].size == (32, 32, 3)
    assert check_recordings(robot_run(tmp_path / "w", [folder])).report.episodes == 3


def test_the_report_counts_what_is_trained_on(tmp_path: Path) -> None:
    first, second = (write_recording(tmp_path / name) for name in ("a", "b"))
    document: Any = robot_document(tmp_path / "w", [first, second])
    document["datasets"][0]["episodes"] = "0,2"
    document["datasets"][1]["split"] = "validation"
    report = check_recordings(parse_run(document)).report
    assert (report.rows, report.episodes, report.frames, report.sequences) == (2, 2, 15, 15)
    assert (report.validation_rows, report.format, report.fps) == (3, "lerobot", 10.0)
    assert (report.image_keys, report.state_dim, report.action_dim) == ((TOP, WRIST), 6, 6)


def test_a_registered_dataset_is_looked_at_without_a_policy(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d", state=50, videos=True)
    found = check_recordings(inspection(tmp_path / "w", folder))
    assert (found.policy, found.cameras, found.report.state_dim) == (None, None, 50)
    assert found.report.digest.startswith("sha256:")
    assert found.report.digest == check_recordings(inspection(tmp_path / "w", folder)).report.digest
    change_info(folder, robot_type="so101")
    assert found.report.digest != check_recordings(inspection(tmp_path / "w", folder)).report.digest


def test_what_is_suspicious_is_told_and_not_refused(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d", version="v2.1", cameras=(TOP, WRIST, SIDE), state=None, tasks=("",))
    cameras = [{"slot": "eye", "datasetKey": TOP}]
    warnings = " · ".join(check_recordings(robot_run(tmp_path / "w", [folder], cameras=cameras)).warnings)
    assert f"does not see: {WRIST}, {SIDE}" in warnings
    for words in ("version v2.1", "no observation.state", "3 episodes are few", "no task is described"):
        assert words in warnings


def test_only_what_normalizes_by_quantiles_needs_them(tmp_path: Path) -> None:
    bare, full = (write_recording(tmp_path / str(given), quantiles=given) for given in (False, True))
    eyes = [{"slot": "cam_1", "policyKey": "observation.images.base_0_rgb", "datasetKey": TOP}]
    needs = {
        (model, folder.name): _needs_quantiles(
            robot_run(tmp_path / "w", [folder], model, cameras=eyes if model == "pi05" else [])
        )
        for model in ("pi05", "act")
        for folder in (bare, full)
    }
    assert needs == {("pi05", "False"): True, ("pi05", "True"): False, ("act", "False"): False, ("act", "True"): False}


def _needs_quantiles(run: Run) -> bool:
    return work_of(run, [read_recording(each) for each in run.datasets]).quantiles


def test_how_a_job_normalizes_takes_the_place_of_its_models_own_way(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d")
    stats = json.loads((folder / "meta" / "stats.json").read_text())
    kept = {key: {name: each for name, each in of.items() if name != "q90"} for key, of in stats.items()}
    (folder / "meta" / "stats.json").write_text(json.dumps(kept))
    eyes = [{"slot": "cam_1", "policyKey": "observation.images.base_0_rgb", "datasetKey": TOP}]

    def asked(model: str, **mapping: str) -> Run:
        document = robot_document(tmp_path / "w", [folder], model, cameras=eyes if model == "pi05" else [])
        put(document, ["hyperparameters", "extra"], {"normalization_mapping": {"VISUAL": "MEAN_STD", **mapping}})
        return parse_run(document)

    assert _needs_quantiles(asked("act", STATE="QUANTILE10"))
    assert not _needs_quantiles(asked("act", STATE="QUANTILES", ACTION="MEAN_STD"))
    assert not _needs_quantiles(asked("pi05", STATE="MEAN_STD", ACTION="MEAN_STD"))
    with pytest.raises(UserError) as refused:
        check_recordings(asked("act", VISUAL="QUANTILE10"))
    assert refused.value.param == "spec.hyperparameters.extra.normalization_mapping"
    assert f"q10 and q90, and pvc://data/d: meta/stats.json lacks them of {TOP}" in refused.value.message


def test_of_a_large_dataset_a_sample_is_looked_at_and_how_large_it_is_is_told(tmp_path: Path) -> None:
    found = read(write_recording(tmp_path / "d", lengths=(4,) * 12, tables=4))
    seen = check_rows(found)
    assert (seen.tables, seen.rows, seen.tables_read, seen.rows_read) == (4, 48, 4, 48)
    assert check_pictures(found, (TOP,), range(12)).episodes == (0, 4, 7, 11)
    assert spread(range(1000), 3) == [0, 500, 999]
    assert spread(range(5), 1) == [0]
    assert spread([], 3) == []


def test_the_findings_are_kept_as_numbers_and_as_a_picture_of_all_slots(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "shirts", cameras=(TOP, WRIST, SIDE), size=64, videos=True)
    run = robot_run(tmp_path / "w", [folder], "smolvla", cameras=slots(cam_1=TOP, cam_3=WRIST))
    found = check_recordings(run)
    kept = run.workspace / "preflight"
    assert sorted(each.name for each in kept.iterdir()) == ["contact-sheet.png", "report.json"]
    numbers = json.loads((kept / "report.json").read_text())
    (dataset,) = numbers["datasets"]
    assert (dataset["uri"], dataset["episodes"], dataset["frames"]) == ("pvc://data/shirts", 3, 21)
    assert dataset["lookedAt"]["framesDecoded"] == 3 * 3 * 3
    assert [each["datasetKey"] for each in numbers["slots"]] == [TOP, None, WRIST]
    assert numbers["notLookedAt"] == [SIDE]
    assert numbers["disk"]["freeBytes"] > numbers["disk"]["datasetBytes"] > 0
    assert numbers["memory"] == {"frameBytes": 3 * 64 * 64 * 3, "batchesAheadOfEachWorker": 4}
    tiles = tiles_of(found.cameras, found.train[0], found.pictures[0])
    assert [tile.lines[0] for tile in tiles] == [
        "slot cam_1: camera1",
        "slot cam_2",
        "slot cam_3: camera3",
        "not looked at",
    ]
    assert [tile.pixels is None for tile in tiles] == [False, True, False, False]
    with PIL.Image.open(kept / "contact-sheet.png") as sheet:
        assert sheet.size == (12 + 4 * 272, 12 + 30 + 200 + 64 + 12)
        # In the middle of each tile: the camera's colour, of a masked one the grey of a hole.
        colours = [sheet.getpixel((12 + place * 272 + 150, 12 + 30 + 100)) for place in range(3)]
    reds, greys, greens = (tuple(int(part) for part in colour) for colour in colours if isinstance(colour, tuple))
    assert reds[0] > reds[1] + 60
    assert max(greys) - min(greys) < 10
    assert greens[1] > greens[0] + 60


def test_a_model_shows_the_sheet_of_its_own_datasets_and_slots_and_draws_one_where_there_is_none(
    tmp_path: Path,
) -> None:
    folder = write_recording(tmp_path / "shirts", cameras=(TOP, WRIST), size=64, videos=True)
    run = robot_run(tmp_path / "w", [folder], "smolvla", cameras=slots(cam_1=TOP, cam_3=WRIST))
    plan = check_recordings(run).cameras
    assert plan is not None
    kept, shown = run.workspace / "preflight" / "contact-sheet.png", tmp_path / "cameras.png"
    kept.write_bytes(b"drawn by prepare")
    assert put_camera_picture(run, plan, tmp_path)
    assert shown.read_bytes() == b"drawn by prepare"
    other = replace(plan, views=tuple(replace(view, slot=f"{view.slot}-now") for view in plan.views))
    assert put_camera_picture(run, other, tmp_path)
    with PIL.Image.open(shown) as sheet:
        assert sheet.size == (12 + 3 * 272, 12 + 30 + 200 + 64 + 12)


def test_a_model_goes_without_a_picture_when_its_recordings_can_no_longer_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_recording(tmp_path / "shirts", cameras=(TOP,))
    run = replace(robot_run(tmp_path / "w", [folder], "act"), workspace=tmp_path / "elsewhere")
    plan = CameraPlan((View("top", TOP, TOP),))
    (folder / "meta" / "info.json").unlink()
    assert not put_camera_picture(run, plan, tmp_path)
    assert not (tmp_path / "cameras.png").exists()
    assert "goes without a picture of the cameras" in capsys.readouterr().out
    assert list(shown_cameras(pictured=False)) == []


def test_a_sheet_is_drawn_again_over_an_older_one_and_of_a_dataset_alone(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d")
    found = check_recordings(inspection(tmp_path / "w", folder))
    assert not (tmp_path / "w").exists()
    first = keep_findings(found, tmp_path / "w")
    again = keep_findings(replace(found, warnings=("new",)), tmp_path / "w")
    assert first == again
    assert json.loads((again / "report.json").read_text())["warnings"] == ["new"]
    assert read_info(folder)["total_episodes"] == 3

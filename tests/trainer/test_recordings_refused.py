"""Broken datasets of robots: each is refused on CPU, with the file, the episode or the key, and a remedy."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.trainer.recording_faults import (
    EPISODES,
    OLD_TABLE,
    OLD_VIDEO,
    TABLE,
    VIDEO,
    Case,
    absent_for_one,
    adds_column,
    cell,
    cuts,
    damages_page,
    doubles_frame,
    drops_column,
    drops_rows,
    drops_stats_of,
    feature,
    grows_video,
    hides_codec,
    info,
    is_told_well,
    listing,
    nests,
    points_outside,
    refusal_of,
    removes,
    renames_column,
    scales_times,
    shortens_video,
    slows_video,
    stats,
    swells,
    writes,
)
from tests.trainer.recordings_on_disk import TOP, WRIST, read_info, rename_feature, write_recording
from tests.trainer.robot_runs import robot_run
from trainer.failures import UserError
from trainer.recordings.gathering import gather
from trainer.recordings.preflight import check_recordings
from trainer.workspace.layout import Workspace

VIDEOS: Final[dict[str, Any]] = {"videos": True}
V21: Final[dict[str, Any]] = {"version": "v2.1"}

CASES: Final[dict[str, Case]] = {
    # ---- what lies there ---------------------------------------------------------------------------------------
    "no such folder": Case("DatasetNotFound", ("does not exist",), "folder that holds meta/", shutil.rmtree),
    "no meta/info.json": Case(
        "DatasetNotFound", ("no meta/info.json", "stats.json"), "folder that holds meta/", removes("meta/info.json")
    ),
    "a folder too high": Case("DatasetNotFound", ("shirts-v3/", "name that folder"), "folder that holds meta/", nests),
    "info.json cut off": Case("DatasetUnreadable", ("meta/info.json", "JSON"), "Copy", cuts("meta/info.json")),
    "info.json a list": Case("DatasetUnreadable", ("meta/info.json", "object"), "Copy", writes("meta/info.json", "[]")),
    "no fps": Case("DatasetInvalid", ("meta/info.json", "fps"), "Copy", info(fps=None)),
    "an fps misspelt": Case("DatasetInvalid", ("no fps", "Did you mean 'fsp'"), "Copy", info(fps=None, fsp=10)),
    "no table of tasks": Case(
        "DatasetInvalid", ("meta/tasks.parquet is missing",), "Copy", removes("meta/tasks.parquet")
    ),
    "no list of episodes": Case("DatasetInvalid", ("meta/episodes",), "Finalize", removes(EPISODES)),
    "a list of episodes cut off": Case("DatasetUnreadable", (EPISODES, "cut off"), "Copy", cuts(EPISODES)),
    "a table missing": Case("DatasetInvalid", (f"{TABLE} is missing",), "Copy", removes(TABLE)),
    "a table cut off": Case("DatasetUnreadable", (TABLE, "cut off"), "Copy", cuts(TABLE)),
    "a table of zeros inside": Case("DatasetUnreadable", (TABLE, "damaged"), "Copy", damages_page),
    "a table that is text": Case("DatasetUnreadable", (TABLE, "parquet"), "Copy", writes(TABLE, "index,action\n0,1\n")),
    "a video missing": Case(
        "DatasetInvalid", (VIDEO, "episode 0", TOP), "Every episode must have every camera", removes(VIDEO), VIDEOS
    ),
    "a video cut off": Case("DatasetUnreadable", (VIDEO, "camera " + TOP), "Copy", cuts(VIDEO, 0.6), VIDEOS),
    "an empty video": Case("DatasetUnreadable", (VIDEO, "episode 0", "empty"), "Copy", writes(VIDEO, ""), VIDEOS),
    "a video that is text": Case("DatasetUnreadable", (VIDEO, "decoded"), "Copy", writes(VIDEO, "no video"), VIDEOS),
    "a codec that nobody knows": Case("DatasetUnreadable", (VIDEO, "codec"), "H.264", hides_codec, VIDEOS),
    "a path out of the dataset": Case("DatasetInvalid", ("outside", "elsewhere"), "Copy", points_outside),
    # ---- what meta/ says ---------------------------------------------------------------------------------------
    "version v2.0": Case("DatasetUnsupported", ("v2.0", "v3.0"), "Convert it to v2.1", plan={"version": "v2.0"}),
    "version v1.6": Case("DatasetUnsupported", ("v1.6",), "Convert", info(codebase_version="v1.6")),
    "version v3.7": Case("DatasetUnsupported", ("v3.7", "newer"), "LeRobot", info(codebase_version="v3.7")),
    "version of nobody": Case("DatasetUnsupported", ("'two'",), "v3.0", info(codebase_version="'two'")),
    "no episodes": Case("DatasetEmpty", ("no episodes",), "Record", info(total_episodes=0)),
    "no frames": Case("DatasetEmpty", ("no frames",), "Record", info(total_frames=0)),
    "an fps of 0": Case("DatasetInvalid", ("fps 0",), "rate", info(fps=0)),
    "an fps in words": Case("DatasetInvalid", ("fps 'thirty'",), "rate", info(fps="thirty")),
    "the wrong fps": Case("DatasetInvalid", (TABLE, "episode 0, frame 1", "fps 30"), "fps 10", info(fps=30)),
    "times of another rate": Case("DatasetInvalid", (TABLE, "timestamp"), "fps 30", scales_times),
    "one time off": Case("DatasetInvalid", ("episode 1, frame 2", "timestamp"), "anew", cell("timestamp", 10, 9.0)),
    "more episodes promised": Case(
        "DatasetInvalid", ("3 episodes", "total_episodes 5"), "Copy", info(total_episodes=5)
    ),
    "more frames promised": Case("DatasetInvalid", ("total_frames 90", "21"), "Write 21", info(total_frames=90)),
    "an episode listed twice": Case("DatasetInvalid", ("episode 1", "twice"), "", listing("episode_index", 2, 1)),
    "an episode left out": Case("DatasetInvalid", ("episode 7", "episode 2"), "", listing("episode_index", 2, 7)),
    "an episode without frames": Case(
        "DatasetInvalid", ("episode 1", "no frames"), "delete_episodes", listing("length", 1, 0)
    ),
    "a length that is wrong": Case("DatasetInvalid", (TABLE, "21 rows", "24"), "Copy", listing("length", 1, 9)),
    "rows lost": Case("DatasetInvalid", (TABLE, "18 rows", "episode 0 to 2"), "Copy", drops_rows),
    "rows out of order": Case("DatasetInvalid", (TABLE, "row 9", "frame_index"), "order", cell("frame_index", 9, 5)),
    "rows of another episode": Case(
        "DatasetInvalid", (TABLE, "episode_index is 2"), "order", cell("episode_index", 3, 2)
    ),
    "a task that is not listed": Case(
        "DatasetInvalid", ("episode 0", "task_index"), "meta/tasks", cell("task_index", 5, 4)
    ),
    "no features": Case("DatasetInvalid", ("no features",), "dtype, shape", info(features={})),
    "no actions": Case(
        "DatasetInvalid",
        ("no feature 'action'", "'actions'"),
        "'action'",
        lambda f: rename_feature(f, "action", "actions"),
    ),
    "a type of number that is none": Case(
        "DatasetInvalid", ("action", "'flaot32'", "'float32'"), "dtype", feature("action", dtype="flaot32")
    ),
    "a shape that is none": Case("DatasetInvalid", ("action", "shape"), "dtype", feature("action", shape=6)),
    "a slash in a name": Case(
        "DatasetInvalid", ("arm/state", "'/'"), "dots", lambda f: rename_feature(f, "observation.state", "arm/state")
    ),
    # ---- statistics --------------------------------------------------------------------------------------------
    "no statistics": Case(
        "DatasetInvalid", ("meta/stats.json is missing",), "recompute_stats", removes("meta/stats.json")
    ),
    "statistics cut off": Case("DatasetUnreadable", ("meta/stats.json",), "recompute_stats", cuts("meta/stats.json")),
    "no statistics of a camera": Case(
        "DatasetInvalid", ("meta/stats.json", WRIST), "recompute_stats", drops_stats_of(WRIST)
    ),
    "no mean": Case("DatasetInvalid", ("action: has no mean",), "recompute_stats", stats("action", "mean", None)),
    "NaN in the statistics": Case(
        "DatasetInvalid",
        ("meta/stats.json", "std", "nan"),
        "recompute_stats",
        stats("action", "std", [float("nan")] * 6),
    ),
    "an endless maximum": Case(
        "DatasetInvalid",
        ("observation.state", "max", "inf"),
        "recompute",
        stats("observation.state", "max", [float("inf")]),
    ),
    "a negative spread": Case("DatasetInvalid", ("action: std",), "recompute", stats("action", "std", [-1.0] * 6)),
    "statistics in words": Case(
        "DatasetInvalid", ("action: mean", "'big'"), "recompute", stats("action", "mean", ["big"])
    ),
    # ---- values and pictures -----------------------------------------------------------------------------------
    "NaN in a state": Case(
        "DatasetInvalid",
        (TABLE, "episode 1, frame 3", "observation.state", "nan"),
        "delete_episodes",
        cell("observation.state", 11, [0.0, float("nan"), 0.0, 0.0, 0.0, 0.0]),
    ),
    "an endless action": Case(
        "DatasetInvalid",
        ("episode 2, frame 0", "action", "inf"),
        "delete_episodes",
        cell("action", 14, [float("inf")] * 6),
    ),
    "a row without an action": Case("DatasetInvalid", (TABLE, "action"), "shape", cell("action", 3, None)),
    "another number of joints": Case("DatasetInvalid", ("action", "shape 7"), "shape", feature("action", shape=[7])),
    "a feature without a column": Case(
        "DatasetInvalid", (TABLE, "observation.state"), "Every table", drops_column("observation.state")
    ),
    "a column without a feature": Case("DatasetInvalid", (TABLE, "rewrad"), "features", adds_column),
    "a column misspelt": Case(
        "DatasetInvalid",
        ("no column observation.state", "'observation.sate'"),
        "Every table",
        renames_column("observation.state", "observation.sate"),
    ),
    "a picture missing": Case(
        "DatasetInvalid", (TABLE, "episode 1", TOP, "frame 2"), "Every episode", cell(TOP, 10, None)
    ),
    "a picture that is none": Case(
        "DatasetUnreadable", ("episode 0", WRIST, "frame 0"), "Copy", cell(WRIST, 0, {"bytes": b"png", "path": None})
    ),
    "pictures with transparency": Case("DatasetInvalid", ("episode 0", TOP, "RGBA"), "Convert", plan={"mode": "RGBA"}),
    "grey pictures": Case("DatasetInvalid", (TOP, "L", "RGB"), "Convert", plan={"mode": "L"}),
    "a picture of another size": Case("DatasetInvalid", ("episode 0", "64 high", "32 x 32"), "one size", doubles_frame),
    "one camera absent in one episode": Case(
        "DatasetInvalid", ("episode 1", WRIST), "Every episode must have every camera", absent_for_one, VIDEOS
    ),
    "a video that ends too early": Case(
        "DatasetInvalid", (VIDEO, "episode 2", "ends at 1.500 s"), "remove the episode", shortens_video, VIDEOS
    ),
    "a video of another rate": Case("DatasetInvalid", (VIDEO, "5 frames per second"), "rate", slows_video, VIDEOS),
    "a video of another size": Case("DatasetInvalid", (VIDEO, "48 wide"), "shape", grows_video, VIDEOS),
    # ---- v2.1 --------------------------------------------------------------------------------------------------
    "v2.1 without statistics": Case(
        "DatasetInvalid", ("meta/episodes_stats.jsonl is missing",), "Copy", removes("meta/episodes_stats.jsonl"), V21
    ),
    "v2.1 with a bad line": Case(
        "DatasetUnreadable",
        ("meta/episodes.jsonl, line 1",),
        "Copy",
        writes("meta/episodes.jsonl", "{episode: 0}\n"),
        V21,
    ),
    "v2.1 with a table cut off": Case("DatasetUnreadable", (OLD_TABLE,), "Copy", cuts(OLD_TABLE), V21),
    "v2.1 with a camera absent in one episode": Case(
        "DatasetInvalid", ("episode 1", WRIST, OLD_VIDEO), "Every episode", removes(OLD_VIDEO), {**V21, **VIDEOS}
    ),
    "v2.1 with a path that cannot be": Case(
        "DatasetInvalid", ("data_path", "cannot be filled in"), "LeRobot", info(data_path="data_path/{nothing}"), V21
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_with_what_is_wrong_and_what_to_do(tmp_path: Path, case: Case) -> None:
    is_told_well(refusal_of(tmp_path, case), case, tmp_path)


def test_there_are_more_than_fifty_of_them() -> None:
    assert len(CASES) >= 50


def test_a_copy_that_does_not_fit_on_the_volume_is_refused(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "old", version="v2.1", videos=True)
    swells(folder)
    run = robot_run(tmp_path / "workspace", [folder])
    with pytest.raises(UserError) as caught:
        gather(run, Workspace(run.workspace))
    assert caught.value.code == "WorkspaceFull"
    assert "pvc://data/old" in caught.value.message
    assert "9011.2 GiB" in caught.value.message
    assert caught.value.param == "spec.output"
    assert not (run.workspace / "recordings").exists()


def test_the_writer_of_these_tests_writes_sound_datasets(tmp_path: Path) -> None:
    """Else each of them would be refused for a reason of its own."""
    plans: list[dict[str, Any]] = [{}, VIDEOS, V21, {**V21, **VIDEOS}, {"tables": 2, "fps": 30, "tasks": ("a", "b")}]
    for number, plan in enumerate(plans):
        folder = write_recording(tmp_path / str(number), **plan)
        assert check_recordings(robot_run(tmp_path / "workspace", [folder])).report.episodes == 3
        assert read_info(folder)["total_frames"] == 21

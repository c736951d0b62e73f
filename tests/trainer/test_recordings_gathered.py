"""What is gathered is made by one process, and found by the others that come for it meanwhile."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path

import pytest

from tests.trainer.recordings_on_disk import TOP, read_info, write_recording
from tests.trainer.robot_runs import robot_run
from trainer.recordings.gathering import LOCK, gather
from trainer.workspace.layout import Workspace


def test_of_the_processes_that_come_at_once_one_makes_the_dataset_and_the_others_wait(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    cameras = [{"slot": "face_view", "datasetKey": TOP}]
    run = robot_run(tmp_path / "workspace", [folder], "wall_oss", cameras=cameras)
    workspace = Workspace(run.workspace)
    shelf = workspace.root / "recordings"
    shelf.mkdir(parents=True)
    with ThreadPoolExecutor(3) as pool:
        with (shelf / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as one does that is making it
            waiting = [pool.submit(gather, run, workspace) for _ in range(3)]
            with pytest.raises(NotYet):
                waiting[0].result(timeout=1.0)
            assert list(shelf.iterdir()) == [shelf / LOCK]
        roots = {each.result().root for each in waiting}
    assert len(roots) == 1
    assert (roots.pop() / "COMPLETE.json").is_file()


def test_a_rate_that_is_no_whole_number_stays_one_that_is_becomes_one(tmp_path: Path) -> None:
    for given, kept in ((12.5, "12.5"), (10.0, "10")):
        folder = write_recording(tmp_path / f"kitchen-{kept}", fps=given)
        assert read_info(folder)["fps"] == given
        run = robot_run(tmp_path, [folder], "wall_oss", cameras=[{"slot": "face_view", "datasetKey": TOP}])
        assert f'"fps": {kept},' in (gather(run, Workspace(run.workspace)).root / "meta/info.json").read_text()

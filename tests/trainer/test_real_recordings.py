"""Datasets gathered by LeRobot's own converter and merger, and then read by LeRobot itself.

The Python with LeRobot is named by FINETUNE_ROBOTS_PYTHON; it is driven from outside, as it need not have pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.trainer.documents import CHECKOUT
from tests.trainer.recordings_on_disk import TOP, WRIST, column, write_json, write_recording
from tests.trainer.robot_runs import robot_document

PYTHON: Final = os.environ.get("FINETUNE_ROBOTS_PYTHON", "")
WITHIN: Final = 300.0
TABLE: Final = "data/chunk-000/file-000.parquet"

PROGRAM: Final = """
import json, sys
from pathlib import Path
from trainer.contract.run import read_run
from trainer.recordings.gathering import gather
from trainer.workspace.layout import Workspace
found = []
for name in sys.argv[1:]:
    run = read_run(Path(name))
    gathered = gather(run, Workspace(run.workspace))
    again = gather(run, Workspace(run.workspace))
    assert again == gathered
    from lerobot.datasets import LeRobotDataset
    chosen = list(gathered.train_episodes) if gathered.train_episodes is not None else None
    data = LeRobotDataset("local/gathered", root=gathered.root, episodes=chosen, video_backend="pyav")
    rows = [data[index] for index in (0, len(data) - 1)]
    found.append({
        "root": str(gathered.root), "train": chosen, "validation": gathered.validation_episodes,
        "frames": len(data), "episodes": data.meta.total_episodes, "fps": data.meta.fps,
        "cameras": data.meta.camera_keys, "tasks": [row["task"] for row in rows],
        "shapes": {key: list(rows[0][key].shape) for key in data.meta.camera_keys},
        "colours": {key: rows[-1][key].mean(dim=(1, 2)).tolist() for key in data.meta.camera_keys},
        "last_action": rows[-1]["action"].tolist(), "last_episode": int(rows[-1]["episode_index"]),
        "stats": {name: value.tolist() for name, value in data.meta.stats["action"].items()},
    })
print(json.dumps(found))
"""

pytestmark = [
    pytest.mark.trainer,
    pytest.mark.skipif(not PYTHON, reason="FINETUNE_ROBOTS_PYTHON names no Python with LeRobot"),
]


def gathered(folder: Path, *documents: Any) -> list[dict[str, Any]]:
    """What LeRobot finds in what was gathered for each run; twice gathered is gathered once."""
    names = []
    for number, document in enumerate(documents):
        names.append(str(folder / f"run-{number}.json"))
        write_json(Path(names[-1]), document)
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT / "trainer-image"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HOME": str(folder / "hugging-face"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [PYTHON, "-c", PROGRAM, *names],
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def is_untouched(folders: Sequence[Path], before: dict[Path, int]) -> bool:
    return before == sizes(folders)


def sizes(folders: Sequence[Path]) -> dict[Path, int]:
    """Every file below, so that anything written to a mounted dataset is seen."""
    return {each: each.stat().st_size for folder in folders for each in folder.rglob("*") if each.is_file()}


def test_old_datasets_are_converted_and_several_merged_and_the_mounted_ones_left_alone(tmp_path: Path) -> None:
    new = write_recording(tmp_path / "new", videos=True, tasks=("fold",))
    old = write_recording(tmp_path / "old", version="v2.1", videos=True, lengths=(5, 4), tasks=("unfold",))
    kept = sizes([new, old])
    runs = [robot_document(tmp_path / "w", places) for places in ([old], [new, old], [old, new, old])]
    alone, both, three = gathered(tmp_path, *runs)
    assert is_untouched([new, old], kept)
    assert (alone["episodes"], alone["frames"], alone["fps"], alone["cameras"]) == (2, 9, 10, [TOP, WRIST])
    assert (both["episodes"], both["frames"], both["tasks"]) == (5, 30, ["fold", "unfold"])
    assert (three["episodes"], three["frames"], three["last_episode"]) == (7, 39, 6)
    wanted = column(old, "data/chunk-000/episode_000001.parquet", "action")[-1]
    assert alone["last_action"] == pytest.approx(wanted)
    assert both["last_action"] == pytest.approx(wanted)
    for found in (alone, both, three):  # red is the one camera, green the other
        (red, green, _), (_, other, blue) = found["colours"][TOP], found["colours"][WRIST]
        assert red > green + 0.2
        assert other > blue + 0.2
    shelf = sorted(each.name for each in (tmp_path / "w" / "recordings").iterdir())
    assert shelf == sorted({Path(found["root"]).name for found in (alone, both, three)})
    assert not any(each.is_symlink() for each in Path(both["root"]).rglob("*"))


def test_pictures_in_tables_are_converted_and_merged_too(tmp_path: Path) -> None:
    new, old = write_recording(tmp_path / "new"), write_recording(tmp_path / "old", version="v2.1", lengths=(3,))
    alone, both = gathered(tmp_path, *(robot_document(tmp_path / "w", places) for places in ([old], [new, old])))
    assert (alone["frames"], both["frames"], both["episodes"]) == (3, 24, 4)
    assert both["shapes"] == {TOP: [3, 32, 32], WRIST: [3, 32, 32]}
    # A later episode has larger angles: its mean is another.
    assert both["stats"]["count"] == [24]
    actions = column(new, TABLE, "action") + column(old, "data/chunk-000/episode_000000.parquet", "action")
    mean = [sum(row[joint] for row in actions) / len(actions) for joint in range(6)]
    assert both["stats"]["mean"] == pytest.approx(mean, abs=1e-5)


def test_what_needs_no_change_is_not_copied_and_episodes_are_selected_by_number(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d", videos=True)
    document: Any = robot_document(tmp_path / "w", [folder], evaluation={"fraction": 0.4})
    every, part = document, json.loads(json.dumps(document))
    part["datasets"][0]["episodes"], part["evaluation"] = "0,2", {}
    some, chosen = gathered(tmp_path, every, part)
    assert some["root"] == chosen["root"] == str(folder)
    assert (chosen["train"], chosen["frames"], chosen["last_episode"]) == ([0, 2], 15, 2)
    assert (len(some["train"]), len(some["validation"])) == (2, 1)
    assert not (tmp_path / "w" / "recordings").exists()


def test_quantiles_are_added_where_a_policy_normalizes_by_them_and_nothing_large_is_copied(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d", videos=True, quantiles=False)
    kept = sizes([folder])
    eyes = [{"slot": "cam_1", "policyKey": "observation.images.base_0_rgb", "datasetKey": TOP}]
    (found,) = gathered(tmp_path, robot_document(tmp_path / "w", [folder], "pi05", cameras=eyes))
    assert is_untouched([folder], kept)
    first = sorted(row[0] for row in column(folder, TABLE, "action"))
    assert first[0] < found["stats"]["q01"][0] < first[1]
    assert first[-2] < found["stats"]["q99"][0] < first[-1]
    assert {each.name for each in Path(found["root"]).iterdir() if each.is_symlink()} == {"data", "videos"}


@pytest.mark.parametrize("videos", [True, False])
def test_features_are_renamed_for_a_policy_that_reads_their_names(tmp_path: Path, *, videos: bool) -> None:
    folder = write_recording(tmp_path / "d", videos=videos, tables=2)
    kept = sizes([folder])
    names = [{"slot": "face_view", "datasetKey": TOP}, {"slot": "top", "datasetKey": WRIST}]
    (found,) = gathered(tmp_path, robot_document(tmp_path / "w", [folder], "wall_oss", cameras=names))
    assert is_untouched([folder], kept)
    assert found["cameras"] == ["observation.images.face_view", TOP]
    red, green, _ = found["colours"]["observation.images.face_view"]
    assert red > green + 0.2
    red, green, _ = found["colours"][TOP]  # the wrist's, which has taken the name
    assert green > red + 0.2


def test_what_was_cut_off_is_made_again(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "d", version="v2.1", videos=True)
    (first,) = gathered(tmp_path, robot_document(tmp_path / "w", [folder]))
    root = Path(first["root"])
    (root / "COMPLETE.json").unlink()
    (root / TABLE).unlink()
    leftover = root.parent / f".making-{root.name}"
    leftover.mkdir()
    (second,) = gathered(tmp_path, robot_document(tmp_path / "w", [folder]))
    assert second == first
    assert not leftover.exists()

"""Datasets gathered by LeRobot's own converter and merger, and then read by LeRobot itself.

The Python with LeRobot is named by FINETUNE_ROBOTS_PYTHON; it is driven from outside, as it need not have pytest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.trainer.documents import CHECKOUT
from tests.trainer.recording_faults import drops_stats_of
from tests.trainer.recordings_on_disk import TOP, WRIST, change_table, column, write_json, write_recording
from tests.trainer.robot_runs import robot_document
from trainer.recordings.gathering import LOCK

PYTHON: Final = os.environ.get("FINETUNE_ROBOTS_PYTHON", "")
WITHIN: Final = 540.0
TABLE: Final = "data/chunk-000/file-000.parquet"
SECOND: Final = "data/chunk-000/file-001.parquet"

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
        "measured": sorted(data.meta.stats),
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


def sizes(folders: Sequence[Path]) -> dict[Path, int]:
    """Every file below, so that anything written to a mounted dataset is seen."""
    return {each: each.stat().st_size for folder in folders for each in folder.rglob("*") if each.is_file()}


EYES: Final = [{"slot": "cam_1", "policyKey": "observation.images.base_0_rgb", "datasetKey": TOP}]
ONE: Final = [{"slot": "cam_1", "datasetKey": TOP}]
EFFORT: Final = "observation.effort"
MOUNTED: Final = ("new", "old", "plain", "legacy", "bare", "two", "slow", "slower", "odd")
NAMES: Final = [{"slot": "face_view", "datasetKey": TOP}, {"slot": "top", "datasetKey": WRIST}]

World = tuple[Path, dict[str, dict[str, Any]], dict[Path, int]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Datasets of all forms, what LeRobot finds once they are gathered, and the files there were before.

    In one process, as LeRobot takes longer to import than all of this takes.
    """
    root = tmp_path_factory.mktemp("recordings")
    new = write_recording(root / "new", videos=True, tasks=("fold",))
    old = write_recording(root / "old", version="v2.1", videos=True, lengths=(5, 4), tasks=("unfold",))
    plain, legacy = write_recording(root / "plain"), write_recording(root / "legacy", version="v2.1", lengths=(3,))
    bare = write_recording(root / "bare", videos=True, quantiles=False, tables=2)
    two = write_recording(root / "two", tables=2)
    (bare / "meta").chmod(0o555)  # as mounted, for whoever is not root
    slow = write_recording(root / "slow", videos=True, fps=12.5, quantiles=False)
    slower = write_recording(root / "slower", version="v2.1", videos=True, fps=12.5)
    odd = write_recording(root / "odd", features={EFFORT: {"dtype": "float32", "shape": [1], "names": None}})
    change_table(odd, TABLE, **{EFFORT: [float("nan")] * 21})
    drops_stats_of(WRIST)(odd)
    kept = sizes([root / name for name in MOUNTED])
    some: Any = robot_document(root / "w", [new])
    some["datasets"][0]["episodes"] = "0,2"
    runs: dict[str, Any] = {
        "converted": robot_document(root / "w", [old]),
        "merged": robot_document(root / "w", [new, old]),
        "three": robot_document(root / "w", [old, new, old]),
        "pictures": robot_document(root / "w", [legacy]),
        "merged pictures": robot_document(root / "w", [plain, legacy]),
        "as it is": robot_document(root / "w", [new], evaluation={"fraction": 0.4}),
        "some": some,
        "quantiles": robot_document(root / "w", [bare], "pi05", cameras=EYES),
        "slow quantiles": robot_document(root / "w", [slow], "pi05", cameras=EYES),
        "slow converted": robot_document(root / "w", [slower]),
        "slow merged": robot_document(root / "w", [slow, slower]),
        "odd": robot_document(root / "w", [odd], cameras=ONE),
        "odd merged": robot_document(root / "w", [odd, odd], cameras=ONE),
        "renamed": robot_document(root / "w", [new], "wall_oss", cameras=NAMES),
        "renamed pictures": robot_document(root / "w", [two], "wall_oss", cameras=NAMES),
    }
    yield root, dict(zip(runs, gathered(root, *runs.values()), strict=True)), kept
    shutil.rmtree(root)


def test_mounted_datasets_are_left_alone_and_nothing_half_made_stays(world: World) -> None:
    root, found, kept = world
    assert sizes([root / name for name in MOUNTED]) == kept
    made = {Path(each["root"]).name for each in found.values() if Path(each["root"]).is_relative_to(root / "w")}
    assert {each.name for each in (root / "w" / "recordings").iterdir()} - {LOCK} == made
    assert all(each.stat().st_mode & 0o044 == 0o044 for each in (root / "w" / "recordings").rglob("*"))


def test_old_datasets_are_converted_and_several_merged(world: World) -> None:
    root, found, _ = world
    alone, both, three = found["converted"], found["merged"], found["three"]
    assert (alone["episodes"], alone["frames"], alone["fps"], alone["cameras"]) == (2, 9, 10, [TOP, WRIST])
    assert (both["episodes"], both["frames"], both["tasks"]) == (5, 30, ["fold", "unfold"])
    assert (three["episodes"], three["frames"], three["last_episode"]) == (7, 39, 6)
    wanted = column(root / "old", "data/chunk-000/episode_000001.parquet", "action")[-1]
    assert alone["last_action"] == pytest.approx(wanted)
    assert both["last_action"] == pytest.approx(wanted)
    for each in (alone, both, three):  # red is the one camera, green the other
        (red, green, _), (_, other, blue) = each["colours"][TOP], each["colours"][WRIST]
        assert red > green + 0.2
        assert other > blue + 0.2
    assert not any(each.is_symlink() for each in Path(both["root"]).rglob("*"))


def test_pictures_in_tables_are_converted_and_merged_too(world: World) -> None:
    root, found, _ = world
    alone, both = found["pictures"], found["merged pictures"]
    assert (alone["frames"], both["frames"], both["episodes"]) == (3, 24, 4)
    assert both["shapes"] == {TOP: [3, 32, 32], WRIST: [3, 32, 32]}
    assert both["stats"]["count"] == [24]
    actions = column(root / "plain", TABLE, "action") + column(
        root / "legacy", "data/chunk-000/episode_000000.parquet", "action"
    )
    mean = [sum(row[joint] for row in actions) / len(actions) for joint in range(6)]
    assert both["stats"]["mean"] == pytest.approx(mean, abs=1e-5)


def test_what_needs_no_change_is_not_copied_and_episodes_are_selected_by_number(world: World) -> None:
    root, found, _ = world
    every, some = found["as it is"], found["some"]
    assert every["root"] == some["root"] == str(root / "new")
    assert (some["train"], some["frames"], some["last_episode"]) == ([0, 2], 15, 2)
    assert (len(every["train"]), len(every["validation"])) == (2, 1)


def test_quantiles_are_added_where_a_policy_normalizes_by_them_and_nothing_large_is_copied(world: World) -> None:
    root, found, _ = world
    first = sorted(row[0] for row in column(root / "bare", TABLE, "action") + column(root / "bare", SECOND, "action"))
    stats = found["quantiles"]["stats"]
    assert first[0] < stats["q01"][0] < first[1]
    assert first[-2] < stats["q99"][0] < first[-1]
    links = {each.name for each in Path(found["quantiles"]["root"]).iterdir() if each.is_symlink()}
    assert links == {"data", "videos"}


@pytest.mark.parametrize("name", ["slow quantiles", "slow converted", "slow merged"])
def test_a_rate_that_is_no_whole_number_is_kept_in_every_copy(world: World, name: str) -> None:
    assert world[1][name]["fps"] == 12.5


@pytest.mark.parametrize("name", ["odd", "odd merged"])
def test_a_camera_that_nobody_looks_at_is_read_and_needs_no_statistics(world: World, name: str) -> None:
    found = world[1][name]
    assert found["cameras"] == [TOP, WRIST]
    assert WRIST in found["measured"]
    assert found["episodes"] == (6 if "merged" in name else 3)


@pytest.mark.parametrize("name", ["renamed", "renamed pictures"])
def test_features_are_renamed_for_a_policy_that_reads_their_names(world: World, name: str) -> None:
    _, found, _ = world
    assert found[name]["cameras"] == ["observation.images.face_view", TOP]
    red, green, _ = found[name]["colours"]["observation.images.face_view"]
    assert red > green + 0.2
    red, green, _ = found[name]["colours"][TOP]  # the wrist's, which has taken the name
    assert green > red + 0.2


def test_what_was_cut_off_is_made_again(world: World) -> None:
    root, found, _ = world
    made = Path(found["converted"]["root"])
    (made / "COMPLETE.json").unlink()
    (made / TABLE).unlink()
    leftover = made.parent / f".making-{made.name}"
    leftover.mkdir()
    (again,) = gathered(root, robot_document(root / "w", [root / "old"]))
    assert again == found["converted"]
    assert not leftover.exists()

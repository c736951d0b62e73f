"""Records the expert's episodes as a LeRobot dataset, with LeRobot's own writer."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.pick.dice import dice
from trainer.pick.expert import demonstration
from trainer.pick.sensors import CAMERAS, PICTURE_SHAPE, STATE, STATE_KEY, observed
from trainer.pick.table import FPS

if TYPE_CHECKING:
    from pathlib import Path

TASK: Final = "Put the red block into the green zone."
ACTION: Final = ("x.speed", "y.speed", "grip")
FEATURES: Final = {
    STATE_KEY: {"dtype": "float32", "shape": (len(STATE),), "names": list(STATE)},
    "action": {"dtype": "float32", "shape": (len(ACTION),), "names": list(ACTION)},
    # Pictures rather than videos: so small that decoding a video costs more than training on it.
    **{key: {"dtype": "image", "shape": PICTURE_SHAPE, "names": ["height", "width", "channels"]} for key in CAMERAS},
}


def record(folder: Path, episodes: int, seed: int) -> int:
    """Have `episodes` episodes in `folder`, whole or not at all; those that are there stay. Returns the frames. UserError."""
    if folder.exists():
        return _frames_of(folder, episodes)
    partial = folder.with_name(f".{folder.name}-partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    folder.parent.mkdir(parents=True, exist_ok=True)
    frames = _write(partial, episodes, seed)
    shutil.rmtree(partial / "images", ignore_errors=True)  # what LeRobot's writer leaves: each picture, held elsewhere
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    partial.rename(folder)
    return frames


def _frames_of(folder: Path, episodes: int) -> int:
    file = folder / "meta" / "info.json"
    facts = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if facts.get("total_episodes") != episodes:
        there = f"{facts['total_episodes']} episodes" if facts else "something that is no recording"
        raise UserError(
            "OutputOccupied",
            f"{folder} holds {there}, and {episodes} were asked for",
            param="--out",
            advice="name another folder, or remove that one",
        )
    return int(facts["total_frames"])


def _write(folder: Path, episodes: int, seed: int) -> int:
    import numpy as np  # noqa: PLC0415 - slow to import
    from datasets import disable_progress_bars  # noqa: PLC0415 - the same
    from lerobot.datasets import LeRobotDataset  # noqa: PLC0415 - the same

    disable_progress_bars()
    dataset = LeRobotDataset.create(
        "local/pick", FPS, FEATURES, root=folder, robot_type="table_gripper", use_videos=False
    )
    frames = 0
    for number in range(episodes):
        for table, action in demonstration(dice("demonstration", seed, number)):
            told = np.array([action.x, action.y, action.grip], dtype=np.float32)
            dataset.add_frame({**observed(table), "action": told, "task": TASK})
            frames += 1
        dataset.save_episode()
    dataset.finalize()
    return frames

"""Makes tiny robot datasets with LeRobot itself: run by a Python that has it, as ``python robot_recordings.py FOLDER …``.

Each frame's pictures and actions follow from its place, so that two runs make the same dataset and there is something to
learn: the action is where the state goes next.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def make(folder: Path, wanted: argparse.Namespace) -> None:
    """Make a dataset of the newest version in ``folder``: ``size`` pixels square, ``dims`` joints."""
    from lerobot.configs.video import RGBEncoderConfig  # noqa: PLC0415 - only where LeRobot is
    from lerobot.datasets import LeRobotDataset  # noqa: PLC0415

    size, dims, cameras = wanted.size, wanted.dims, wanted.camera or ["observation.images.top"]
    vector = {"dtype": "float32", "shape": (dims,), "names": [f"joint_{n}" for n in range(dims)]}
    kind = "video" if wanted.videos else "image"
    picture = {"dtype": kind, "shape": (size, size, 3), "names": ["height", "width", "channels"]}
    features = {"observation.state": vector, "action": vector, **dict.fromkeys(cameras, picture)}
    # The default encoder of LeRobot takes the whole machine.
    encoding = {"rgb_encoder": RGBEncoderConfig(vcodec="h264")} if wanted.videos else {}
    dataset = LeRobotDataset.create(
        "tests/tiny",
        wanted.fps,
        features,
        root=folder,
        robot_type="tiny_arm",
        use_videos=wanted.videos,
        **encoding,
    )
    for episode in range(wanted.episodes):
        for frame in range(wanted.frames):
            dataset.add_frame(_frame(wanted, cameras, frame / wanted.frames + episode / wanted.episodes))
        dataset.save_episode()
    dataset.finalize()


def _frame(wanted: argparse.Namespace, cameras: list[str], turns: float) -> dict[str, object]:
    angle, step, joints = 2 * np.pi * turns, 2 * np.pi / wanted.frames, np.arange(wanted.dims)
    return {
        "observation.state": np.sin(angle + joints).astype(np.float32),
        "action": np.sin(angle + step + joints).astype(np.float32),
        "task": "follow the circle",
        **{camera: _picture(wanted.size, angle, n) for n, camera in enumerate(cameras)},
    }


def _picture(size: int, angle: float, camera: int) -> NDArray[np.uint8]:
    """A dot on a circle before a plain ground, another one for each camera."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    distance = np.hypot(rows - 0.5 - 0.3 * np.sin(angle), columns - 0.5 - 0.3 * np.cos(angle))
    ground = np.full((size, size, 3), 40 * (camera + 1), dtype=np.uint8)
    ground[distance < 0.15] = (250, 200 - 60 * camera, 20)
    return ground


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--camera", action="append", default=[])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--dims", type=int, default=4)
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--videos", action="store_true")
    given = parser.parse_args()
    make(given.folder, given)

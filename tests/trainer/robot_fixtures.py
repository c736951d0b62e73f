"""Fixtures of the tests with a real LeRobot: recordings, tiny policies, and a training that nothing disturbed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.trainer.real_trainer import Attempt
from tests.trainer.robot_jobs import POLICIES, VARIABLE, WALL_OSS, XVLA, RobotJob, RobotTrainer

STEPS = 12
STEADY = {"hyperparameters__steps": STEPS, "checkpoints__everySteps": 2}
"""A training that is killed and gone on with, in the tests."""


@pytest.fixture(scope="session")
def robot_trainer(tmp_path_factory: pytest.TempPathFactory) -> RobotTrainer:
    """The trainer with a real LeRobot; without one the test is skipped with the way to have it."""
    real = RobotTrainer(os.environ, tmp_path_factory.mktemp("compiled"))
    if not real.available:
        pytest.skip(f"no LeRobot here: set {VARIABLE} to a Python with trainer-image/requirements/lerobot.txt")
    return real


@pytest.fixture(scope="session")
def robot_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where robot jobs have their folders."""
    return tmp_path_factory.mktemp("robots")


@pytest.fixture(scope="session")
def circles(robot_trainer: RobotTrainer, robot_world: Path) -> Path:
    """Six short episodes with two cameras."""
    cameras = ("--camera", "observation.images.top", "--camera", "observation.images.wrist")
    return robot_trainer.record(robot_world / "circles", "--size", "32", "--frames", "10", "--episodes", "6", *cameras)


@pytest.fixture
def act_job(robot_trainer: RobotTrainer, robot_world: Path, circles: Path, request: pytest.FixtureRequest) -> RobotJob:
    """A job that trains a tiny ACT."""
    return RobotJob(robot_trainer, robot_world / request.node.name, circles)


@pytest.fixture(scope="session")
def undisturbed_act(robot_trainer: RobotTrainer, robot_world: Path, circles: Path) -> tuple[RobotJob, Attempt]:
    """A training that nothing disturbed, to compare others with."""
    finished = RobotJob(robot_trainer, robot_world / "undisturbed", circles)
    return finished, finished.attempt("train", STEADY)


@pytest.fixture(scope="session")
def arm(robot_trainer: RobotTrainer, robot_world: Path) -> Path:
    """Two episodes of an arm with six joints, in video, with two cameras."""
    cameras = ("--camera", "observation.images.top", "--camera", "observation.images.wrist")
    options = ("--size", "64", "--frames", "10", "--episodes", "2", "--dims", "6", "--videos")
    return robot_trainer.record(robot_world / "arm", *options, *cameras)


@pytest.fixture(scope="session")
def tiny_smolvla(robot_trainer: RobotTrainer, robot_world: Path) -> Path:
    """A SmolVLA of two small layers with three cameras, its body beside it."""
    folder = robot_world / "tiny-smolvla"
    robot_trainer.script(POLICIES, str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_xvla(robot_trainer: RobotTrainer, robot_world: Path) -> Path:
    """An X-VLA of two small layers with three cameras, its tokenizer beside it."""
    folder = robot_world / "tiny-xvla"
    robot_trainer.script(XVLA, str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_wall_oss(robot_trainer: RobotTrainer, robot_world: Path) -> Path:
    """A WALL-OSS of two small layers, as its makers keep it."""
    folder = robot_world / "tiny-wall-oss"
    robot_trainer.script(WALL_OSS, str(folder))
    return folder

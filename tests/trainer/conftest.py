"""Fixtures of the black-box tests: the trainer of this host, a tiny model made once, and jobs in folders of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.hub import Hub, hub_server
from tests.servers.object_stores import GcsServer, S3Server, gcs_server, s3_server
from tests.servers.web import WebServer, web_server
from tests.trainer.documents import SAMPLE, write_lines, write_model
from tests.trainer.first_checks import GOOD
from tests.trainer.operator_endpoint import OperatorEndpoint, operator_endpoint
from tests.trainer.real_trainer import LANGUAGE, ROBOTS, Attempt, Job, Trainer
from tests.trainer.robot_fixtures import (
    act_job,
    arm,
    circles,
    robot_trainer,
    robot_world,
    tiny_smolvla,
    tiny_wall_oss,
    tiny_xvla,
    undisturbed_act,
)
from tests.trainer.transfers import Pod

__all__ = [
    "act_job",
    "arm",
    "circles",
    "robot_trainer",
    "robot_world",
    "tiny_smolvla",
    "tiny_wall_oss",
    "tiny_xvla",
    "undisturbed_act",
]


@pytest.fixture(scope="session")
def trainer() -> Trainer:
    """The real trainer; without one the test is skipped with the way to have it."""
    real = Trainer(os.environ)
    if not real.available:
        pytest.skip(LANGUAGE.absent)
    return real


@pytest.fixture(scope="session")
def robots_trainer() -> Trainer:
    """The real trainer of robot policies; without one the test is skipped with the way to have it."""
    real = Trainer(os.environ, ROBOTS)
    if not real.available:
        pytest.skip(ROBOTS.absent)
    return real


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that any user id can enter."""
    folder = tmp_path_factory.mktemp("trainer")
    for each in (folder, *folder.parents):
        if each.owner() == "root" and each.stat().st_mode & 0o777 == 0o700:
            each.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def tiny_model(trainer: Trainer, world: Path) -> Path:
    """A tiny chat model that answers everything with one sentence."""
    folder = world / "models"
    folder.mkdir()
    folder.chmod(0o777)
    trainer.run("trainer.tiny", folder, "--out", str(folder / "tiny"))
    return folder / "tiny"


@pytest.fixture
def job(trainer: Trainer, world: Path, tiny_model: Path, request: pytest.FixtureRequest) -> Job:
    """A job of the test's own."""
    folder = world / request.node.name
    new = Job(trainer, folder, tiny_model, SAMPLE)
    for each in (folder, new.workspace.root):
        each.chmod(0o777)
    return new


@pytest.fixture(scope="session")
def undisturbed(trainer: Trainer, world: Path, tiny_model: Path) -> tuple[Job, Attempt]:
    """A training of 60 steps that nothing disturbed, to compare others with."""
    folder = world / "undisturbed"
    finished = Job(trainer, folder, tiny_model, SAMPLE)
    for each in (folder, finished.workspace.root):
        each.chmod(0o777)
    return finished, finished.attempt("train", {"hyperparameters__steps": 60})


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A model that looks right, and a dataset of one row."""
    write_model(tmp_path / "model")
    write_lines(tmp_path / "train.jsonl", [GOOD])
    return tmp_path


@pytest.fixture
def operator() -> Iterator[OperatorEndpoint]:
    """A progress endpoint on loopback."""
    with operator_endpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsServer]:
    """A real server of Google Cloud Storage's interface."""
    with gcs_server(tmp_path_factory.mktemp("gcs")) as server:
        yield server


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub of the test's own."""
    with hub_server() as server:
        yield server


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    """An https server of the test's own."""
    with web_server(tmp_path / "web") as server:
        yield server


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    """A pod of the test's own that can reach all stores."""
    return Pod(tmp_path / "pod")

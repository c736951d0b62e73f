"""Reward models with the real LeRobot on CPU: a model alone, the chain to a weighted policy, kills in each phase.

Needs ``FINETUNE_ROBOTS_PYTHON``, a Python that has the packages of the robots' image.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.trainer.documents import CHECKOUT, Json, put
from tests.trainer.real_trainer import Attempt, Job, Trainer
from tests.trainer.robot_runs import robot_document

TOP, WRIST = "observation.images.top", "observation.images.wrist"
SMALL: Json = {"hidden_dim": 24, "num_heads": 2, "num_layers": 1, "frame_gap": 2}
"""A SARM that learns in seconds."""


class RobotJob(Job):
    """A job on a tiny robot's dataset."""

    clip: Path

    def document(self, stage: str, **changes: object) -> Json:
        """The run document of a stage; ``reward`` is a section."""
        job_type = str(changes.pop("jobType", "reward"))
        reward = changes.pop("reward", None)
        document = robot_document(reward if isinstance(reward, dict) else None)
        document |= {"stage": stage, "jobType": job_type}
        document["cameras"] = [{"slot": "camera1", "datasetKey": TOP}]
        document["model"] = {"name": "sarm", "type": "sarm"}
        if job_type != "reward":
            document["model"] = {"name": "tiny", "type": "smolvla", "path": str(self.model)}
        document["evaluation"] = {}
        document["hyperparameters"] = {
            **{"steps": 6, "batchSize": 4, "learningRate": 0.001, "seed": 7, "lora": {"enabled": False}},
            "extra": dict(SMALL) if job_type == "reward" else {},
        }
        places = {
            "datasets": [{"name": "tiny", "split": "train", "uri": "pvc://tiny", "path": str(self.dataset)}],
            "hardware": {"gpus": 0, "nodes": 1, "cpus": 2},
            "limits": {"trainingSeconds": 3600, "graceSeconds": 60},
            "checkpoints": {"everySeconds": 3600, "keepLast": 2},
            "paths": {"workspace": str(self.workspace.root), "cache": str(self.folder / "cache")},
        }
        for place, value in {**places, **changes}.items():
            put(document, place.split("__"), value)
        return document


@pytest.fixture(scope="module")
def robots() -> Trainer:
    """The trainer with LeRobot; without one the tests are skipped."""
    python = os.environ.get("FINETUNE_ROBOTS_PYTHON", "")
    if not python:
        pytest.skip("no trainer for robots here: set FINETUNE_ROBOTS_PYTHON")
    return Trainer({"FINETUNE_TRAINER_PYTHON": python})


@pytest.fixture(scope="module")
def tiny(robots: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of three episodes and two cameras, and a CLIP."""
    folder = tmp_path_factory.mktemp("tiny")
    size = ["--episodes", "3", "--frames", "12", "--size", "32", "--dims", "6", "--camera", TOP, "--camera", WRIST]
    for script, arguments in (("robot_recordings.py", [str(folder / "data"), *size]), ("tiny_clip.py", [str(folder / "clip")])):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
        command = [*robots.command("runpy", folder)[:1], str(CHECKOUT / "tests" / "trainer" / script), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def job(robots: Trainer, tiny: Path, tmp_path: Path) -> RobotJob:
    """A job of the test's own."""
    new = RobotJob(robots, tmp_path / "job", tiny / "policy", tiny / "data")
    new.clip = tiny / "clip"
    return new


def test_a_reward_model_is_trained_to_a_model_with_its_progress(job: RobotJob) -> None:
    ended = job.attempt("train", {"reward": {"hyperparameters": {"clipModel": str(job.clip)}}})
    assert ended.exit_code == 0, ended.output
    assert ended.verdict["result"] == "completed"

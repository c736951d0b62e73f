"""A real WALL-OSS, tiny, through the trainer's contract: from its makers' form to a policy of LeRobot's, and on from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import Model, RobotJob, RobotTrainer

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

IMAGES = "observation.images"
VIEWS = [
    {"slot": "face_view", "datasetKey": f"{IMAGES}.top"},
    {"slot": "left_wrist_view", "datasetKey": f"{IMAGES}.wrist"},
]
SHORT = {"cameras": VIEWS, "hyperparameters__steps": 2, "hyperparameters__batchSize": 2}

USED = """
import json, os, sys, torch
os.chdir(sys.argv[1])
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.wall_x.modeling_wall_x import WallXPolicy
policy = WallXPolicy.from_pretrained(sys.argv[2])
before, after = make_pre_post_processors(policy.config, sys.argv[2])
frame = {"observation.state": torch.zeros(6), "task": "follow the circle"}
frame |= {key: torch.full((3, 64, 64), 0.5) for key in policy.config.image_features}
print("USED", json.dumps([sorted(policy.config.image_features), after(policy.select_action(before(frame))).flatten().tolist()]))
"""
"""What a published WALL-OSS answers to a frame where its makers' model is found by its name, and which pictures it wants."""


@pytest.fixture
def wall_job(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_wall_oss: Path, arm: Path, request: pytest.FixtureRequest
) -> RobotJob:
    """A job that tunes a tiny WALL-OSS on an arm of six joints, whose cameras become words of the prompt."""
    return RobotJob(robot_trainer, robot_world / request.node.name, arm, Model("wall_oss", tiny_wall_oss))


def test_it_becomes_a_policy_that_names_its_makers_model_and_is_gone_on_from(
    wall_job: RobotJob, robot_trainer: RobotTrainer, tiny_wall_oss: Path, tmp_path: Path
) -> None:
    prepared = wall_job.attempt("prepare", SHORT)
    assert prepared.exit_code == 0, prepared.output
    trained = wall_job.attempt("train", SHORT)
    assert (trained.exit_code, trained.verdict["result"]) == (0, "completed"), trained.output
    config = json.loads((wall_job.workspace.model / "config.json").read_text())
    assert (config["type"], config["pretrained_name_or_path"]) == ("wall_x", "tests/wall_oss")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "wall_oss").symlink_to(tiny_wall_oss)
    script = tmp_path / "used.py"
    script.write_text(USED)
    answer = robot_trainer.script(script, str(tmp_path), str(wall_job.workspace.model))
    pictures, action = json.loads(answer.partition("USED ")[2])
    assert pictures == [f"{IMAGES}.face_view", f"{IMAGES}.left_wrist_view"]
    assert len(action) == 6
    later = wall_job.again(f"{wall_job.folder.name}-later")
    source = {"name": "earlier", "path": str(wall_job.workspace.root)}
    gone_on = later.attempt("train", {**SHORT, "model__fromCheckpoint": source})
    assert (gone_on.exit_code, gone_on.verdict["step"]) == (0, 2), gone_on.output
    assert later.weights() != wall_job.weights()
    config = json.loads((later.workspace.model / "config.json").read_text())
    assert config["pretrained_name_or_path"] == "tests/wall_oss"

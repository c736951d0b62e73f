"""A real X-VLA, tiny, through the trainer's contract: its action space, its cameras by their places, adapters of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import Model, RobotJob, RobotTrainer

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

IMAGES = "observation.images"
FIRST_AND_THIRD = [
    {"slot": "cam_1", "policyKey": f"{IMAGES}.image", "datasetKey": f"{IMAGES}.top"},
    {"slot": "cam_2", "policyKey": f"{IMAGES}.image2"},
    {"slot": "cam_3", "policyKey": f"{IMAGES}.image3", "datasetKey": f"{IMAGES}.wrist"},
]
"""The second of three slots is left out."""
SHORT = {"cameras": FIRST_AND_THIRD, "hyperparameters__steps": 2, "hyperparameters__batchSize": 2}
ADAPTER = {**SHORT, "hyperparameters__lora": {"enabled": True, "rank": 4, "alpha": 8}, "output": {"merge": "merged"}}

USED = """
import json, os, sys, torch
os.chdir(sys.argv[1])
from lerobot.policies.factory import make_pre_post_processors
from lerobot.policies.xvla.modeling_xvla import XVLAPolicy
from trainer.backends.lerobot.holes import keep_places
policy = XVLAPolicy.from_pretrained(sys.argv[2])
before, after = make_pre_post_processors(policy.config, sys.argv[2])
frame = {"observation.state": torch.zeros(6), "task": "follow the circle"}
frame |= {f"observation.images.{name}": torch.full((3, 64, 64), 0.5) for name in ("top", "wrist")}
batch = before(frame)
action = after(policy.select_action(batch)).flatten()
_, by_itself = policy._prepare_images(batch)
keep_places(policy)
_, kept = policy._prepare_images(batch)
print("USED", json.dumps([len(action), by_itself[0].tolist(), kept[0].tolist()]))
"""
"""What a published X-VLA answers to a frame of the dataset, and which of its pictures it sees: by itself, and at their places."""


@pytest.fixture
def xvla_job(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_xvla: Path, arm: Path, request: pytest.FixtureRequest
) -> RobotJob:
    """A job that tunes a tiny X-VLA, whose actions have twenty numbers, on an arm of six joints."""
    return RobotJob(robot_trainer, robot_world / request.node.name, arm, Model("xvla", tiny_xvla))


def test_it_is_trained_for_the_joints_that_the_dataset_has(
    xvla_job: RobotJob, robot_trainer: RobotTrainer, tiny_xvla: Path, tmp_path: Path
) -> None:
    prepared = xvla_job.attempt("prepare", SHORT)
    assert prepared.exit_code == 0, prepared.output
    report = prepared.verdict["report"]
    assert isinstance(report, dict)
    assert any("actions have 6 numbers" in each and "action_mode auto" in each for each in report["warnings"])
    trained = xvla_job.attempt("train", SHORT)
    assert (trained.exit_code, trained.verdict["result"]) == (0, "completed"), trained.output
    assert xvla_job.weights() != xvla_job.weights(tiny_xvla)
    first = json.loads(xvla_job.workspace.metrics.read_text().splitlines()[0])
    assert first["learningRate"] > 0.00003, "not the tenth of it that the language model gets"
    config = json.loads((xvla_job.workspace.model / "config.json").read_text())
    assert (config["action_mode"], config["output_features"]["action"]["shape"]) == ("auto", [6])
    script = tmp_path / "used.py"
    script.write_text(USED)
    answer = robot_trainer.script(script, str(tiny_xvla), str(xvla_job.workspace.model))
    numbers, by_itself, kept = json.loads(answer.partition("USED ")[2])
    assert numbers == 6
    assert by_itself == [True, True, False]
    assert kept == [True, False, True]


def test_an_adapter_needs_no_layers_to_be_named_and_is_merged_into_its_base(
    xvla_job: RobotJob, tiny_xvla: Path
) -> None:
    trained = xvla_job.attempt("train", ADAPTER)
    assert (trained.exit_code, trained.verdict["result"]) == (0, "completed"), trained.output
    told = json.loads((xvla_job.workspace.root / "adapter" / "adapter_config.json").read_text())
    assert (told["base_model_name_or_path"], told["r"]) == ("tests/xvla", 4)
    assert "soft_prompt_hub" in told["modules_to_save"]
    merged = xvla_job.attempt("publish", ADAPTER)
    assert (merged.exit_code, merged.verdict["result"]) == (0, "completed"), merged.output
    assert len(xvla_job.weights()) == len(xvla_job.weights(tiny_xvla))
    assert xvla_job.weights() != xvla_job.weights(tiny_xvla)


def test_a_layer_that_the_base_has_not_is_refused_before_a_gpu_is_taken(xvla_job: RobotJob) -> None:
    lora = {"enabled": True, "rank": 4, "alpha": 8, "targetModules": ["q_prog"]}
    attempt = xvla_job.attempt("prepare", {**SHORT, "hyperparameters__lora": lora})
    assert (attempt.exit_code, attempt.verdict["param"]) == (64, "spec.hyperparameters.lora.targetModules"), (
        attempt.output
    )
    assert "Did you mean 'q_proj'?" in str(attempt.verdict["message"])

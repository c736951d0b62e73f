"""A real SmolVLA, tiny, through the trainer's contract: three camera slots, one of them left out; adapters, merged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.servers.hub import Hub
from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import Model, RobotJob, RobotTrainer, kill_at

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

IMAGES = "observation.images"
FIRST_AND_THIRD = [
    {"slot": "cam_1", "policyKey": f"{IMAGES}.camera1", "datasetKey": f"{IMAGES}.top"},
    {"slot": "cam_2", "policyKey": f"{IMAGES}.camera2"},
    {"slot": "cam_3", "policyKey": f"{IMAGES}.camera3", "datasetKey": f"{IMAGES}.wrist"},
]
"""The second of three slots is left out."""
SHORT = {"cameras": FIRST_AND_THIRD, "hyperparameters__steps": 3, "hyperparameters__batchSize": 2}
ADAPTER = {**SHORT, "hyperparameters__lora": {"enabled": True, "rank": 4, "alpha": 8}, "output": {"merge": "merged"}}

PLACES = """
import json, os, sys, torch
os.chdir(sys.argv[1])
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy
from trainer.backends.lerobot.holes import keep_places
policy = SmolVLAPolicy.from_pretrained(sys.argv[1])
batch = {"observation.images.camera1": torch.full((2, 3, 32, 32), 0.25), "observation.images.camera3": torch.ones(2, 3, 32, 32)}
def told():
    images, masks = policy.prepare_images(batch)
    return [[round(float(image.mean()), 3), bool(mask.all())] for image, mask in zip(images, masks)]
before = told()
keep_places(policy)
print("PLACES", json.dumps([before, told()]))
"""
"""What a SmolVLA that lacks its second picture sees, by itself and when places are kept: mean and mask of each."""


@pytest.fixture(scope="module")
def vla_job(robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path) -> RobotJob:
    """A job that tunes a tiny SmolVLA to an adapter; its tests are in order."""
    return RobotJob(robot_trainer, robot_world / "vla", arm, Model("smolvla", tiny_smolvla))


def test_a_left_out_camera_is_masked_at_its_own_place(
    robot_trainer: RobotTrainer, tiny_smolvla: Path, tmp_path: Path
) -> None:
    script = tmp_path / "places.py"
    script.write_text(PLACES)
    by_itself, kept = json.loads(robot_trainer.script(script, str(tiny_smolvla)).partition("PLACES ")[2])
    assert by_itself == [[-0.5, True], [1.0, True]]
    assert kept == [[-0.5, True], [-1.0, False], [1.0, True]]


def test_an_adapter_is_trained_over_three_slots_and_merged_into_its_base(
    vla_job: RobotJob, robot_trainer: RobotTrainer, tiny_smolvla: Path
) -> None:
    trained = vla_job.attempt("train", ADAPTER)
    assert (trained.exit_code, trained.verdict["result"]) == (0, "completed"), trained.output
    adapter = vla_job.workspace.root / "adapter"
    told = json.loads((adapter / "adapter_config.json").read_text())
    assert (told["base_model_name_or_path"], told["r"], told["lora_alpha"]) == ("tests/smolvla", 4, 8)
    cameras = json.loads((adapter / "inference.json").read_text())["cameras"]
    assert [(camera["slot"], camera["datasetKey"], camera["masked"]) for camera in cameras] == [
        ("cam_1", f"{IMAGES}.top", False),
        ("cam_2", None, True),
        ("cam_3", f"{IMAGES}.wrist", False),
    ]
    merged = vla_job.attempt("publish", ADAPTER)
    assert (merged.exit_code, merged.verdict["result"]) == (0, "completed"), merged.output
    names = {each.name for each in vla_job.workspace.model.iterdir()}
    assert {"config.json", "model.safetensors", "policy_preprocessor.json", "inference.json", "README.md"} <= names
    assert "adapter_config.json" not in names
    assert vla_job.weights() != vla_job.weights(tiny_smolvla)
    config = json.loads((vla_job.workspace.model / "config.json").read_text())
    assert (config["type"], config["use_peft"], config["pretrained_path"]) == ("smolvla", False, None)
    # The server finds a robot's cameras by the policy's names, and renames none.
    assert robot_trainer.served(vla_job.workspace.model, tiny_smolvla) == [8, 6]
    missed = robot_trainer.served(vla_job.workspace.model, tiny_smolvla, "robotCamera")
    assert missed == f"no {IMAGES}.top"


@pytest.mark.parametrize("kind", ["all-weights", "adapter"])
def test_killed_it_ends_with_the_very_weights_of_an_undisturbed_training(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path, kind: str
) -> None:
    lora = {"enabled": kind == "adapter", **({"rank": 4, "alpha": 8} if kind == "adapter" else {})}
    changes = {**SHORT, "hyperparameters__steps": 10, "checkpoints__everySteps": 2, "hyperparameters__lora": lora}
    whole = RobotJob(robot_trainer, robot_world / f"undisturbed-{kind}", arm, Model("smolvla", tiny_smolvla))
    done = whole.attempt("train", changes)
    assert (done.exit_code, done.verdict["step"]) == (0, 10), done.output
    job = whole.again(f"killed-{kind}")
    kill_at(job, changes, 5)
    last = job.attempt("train", {**changes, "attempt": 2})
    assert (last.exit_code, last.verdict["step"]) == (0, 10), last.output
    assert "training starts again after step" in last.output
    assert job.losses() == whole.losses()
    name = "adapter_model.safetensors" if kind == "adapter" else "model.safetensors"
    assert (job.workspace.model / name).read_bytes() == (whole.workspace.model / name).read_bytes()


def test_with_epochs_the_learning_rate_falls_over_all_of_their_steps(vla_job: RobotJob) -> None:
    job = vla_job.again("by-epochs")
    changes = {**SHORT, "hyperparameters__steps": None, "hyperparameters__epochs": 1}
    ended = job.attempt("train", changes)
    assert (ended.exit_code, ended.verdict["totalSteps"]) == (0, 10), ended.output
    rates = job.metric("learningRate")
    assert rates[5] == pytest.approx(0.0005 * (0.025 + 0.975 / 2), rel=0.25), "half of the way, on a cosine"
    assert rates[10] < 0.1 * 0.0005


def test_a_base_of_another_type_is_refused(vla_job: RobotJob) -> None:
    attempt = vla_job.again("other-type").attempt("prepare", {**SHORT, "model__type": "pi0"})
    assert (attempt.exit_code, attempt.verdict["param"]) == (64, "spec.model.type"), attempt.output
    assert "a policy of type smolvla" in str(attempt.verdict["message"])


def test_what_a_base_model_names_on_the_hub_is_fetched_and_what_is_not_there_is_told(
    robot_trainer: RobotTrainer,
    tiny_smolvla: Path,
    arm: Path,
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = json.loads((tiny_smolvla / "config.json").read_text())["vlm_model_name"]
    bare = tmp_path / "bare"
    shutil.copytree(tiny_smolvla, bare, ignore=shutil.ignore_patterns(name.partition("/")[0]))
    for variable, value in hub.variables.items():
        monkeypatch.setenv(variable, value)
    job = RobotJob(robot_trainer, tmp_path / "job", arm, Model("smolvla", bare))
    absent = job.attempt("prepare", SHORT)
    assert (absent.exit_code, absent.verdict["code"]) == (64, "ModelNotFound"), absent.output
    assert absent.verdict["param"] == "spec.hyperparameters.extra.vlm_model_name"
    assert f"hf://{name} does not exist" in str(absent.verdict["message"])
    hub.add(name, {each.name: each.read_bytes() for each in (tiny_smolvla / name).iterdir() if each.is_file()})
    found = job.attempt("prepare", SHORT)
    assert found.exit_code == 0, found.output

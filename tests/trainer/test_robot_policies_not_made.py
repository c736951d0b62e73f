"""Policies that cannot be made of what a job names: told as a mistake, before a GPU is taken wherever that can be known there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import Model, RobotJob, RobotTrainer

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

IMAGES: Final = "observation.images"
SPOILT: Final = """
import sys
from safetensors.torch import load_file, save_file
file, what = sys.argv[1] + "/model.safetensors", sys.argv[2]
tensors = load_file(file)
if what == "other names":
    tensors = {f"policy.{key}": each for key, each in tensors.items()}
elif what == "no expert":
    tensors = {key: each for key, each in tensors.items() if ".lm_expert." not in key}
else:
    tensors["model.state_proj.weight"] = tensors["model.state_proj.weight"][:, :-1].contiguous()
save_file(tensors, file, metadata={"format": "pt"})
"""


def spoilt(trainer: RobotTrainer, policy: Path, folder: Path, what: str) -> Path:
    """A copy of a policy whose weights are not those of its type any more."""
    base = folder / "spoilt"
    shutil.copytree(policy, base)
    script = folder / "spoil.py"
    script.write_text(SPOILT)
    trainer.script(script, str(base), what)
    return base


def views(*names: str) -> dict[str, object]:
    """A short job whose policy sees the arm's cameras by these names."""
    keys = (f"{IMAGES}.top", f"{IMAGES}.wrist", None)
    cameras = [
        {"slot": f"cam_{number}", "policyKey": f"{IMAGES}.{name}", **({"datasetKey": key} if key else {})}
        for number, (name, key) in enumerate(zip(names, keys, strict=True), start=1)
    ]
    return {"cameras": cameras, "hyperparameters__steps": 2, "hyperparameters__batchSize": 2}


SMOLVLA: Final = views("camera1", "camera2", "camera3")
XVLA: Final = views("image", "image2", "image3")


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("vision_backbone", "resnet19", "has no attribute 'resnet19'"),
        ("n_heads", 3, "embed_dim must be divisible by num_heads"),
    ],
)
def test_settings_that_no_policy_can_be_made_of_are_refused_in_prepare(
    act_job: RobotJob, setting: str, value: object, words: str
) -> None:
    attempt = act_job.attempt("prepare", {f"hyperparameters__extra__{setting}": value})
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, "HyperparameterUnsupported"), attempt.output
    assert attempt.verdict["param"] == "spec.hyperparameters.extra"
    assert words in str(attempt.verdict["message"])


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("other names", ("WeightsNotLoaded", "the file has 0 of its")),
        ("no expert", ("WeightsNotLoaded", "not model.vlm_with_expert.lm_expert.")),
        ("another size", ("ModelUnsupported", "model.state_proj.weight has the shape")),
    ],
)
def test_a_base_with_other_weights_than_its_type_has_is_refused_in_prepare(
    robot_trainer: RobotTrainer, tiny_smolvla: Path, arm: Path, tmp_path: Path, what: str, told: tuple[str, str]
) -> None:
    base = spoilt(robot_trainer, tiny_smolvla, tmp_path, what)
    attempt = RobotJob(robot_trainer, tmp_path / "job", arm, Model("smolvla", base)).attempt("prepare", SMOLVLA)
    assert (attempt.exit_code, attempt.verdict["code"]) == (64, told[0]), attempt.output
    assert attempt.verdict["param"] == "spec.model.name"
    assert told[1] in str(attempt.verdict["message"])


def test_a_policy_that_only_the_training_finds_impossible_is_a_mistake_there_too(
    robot_trainer: RobotTrainer, tiny_xvla: Path, arm: Path, tmp_path: Path
) -> None:
    base = spoilt(robot_trainer, tiny_xvla, tmp_path, "other names")
    job = RobotJob(robot_trainer, tmp_path / "job", arm, Model("xvla", base))
    assert job.attempt("prepare", XVLA).exit_code == 0
    trained = job.attempt("train", XVLA)
    assert (trained.exit_code, trained.verdict["code"]) == (64, "ModelUnsupported"), trained.output
    assert "Missing key(s)" in str(trained.verdict["message"])


@pytest.mark.parametrize("kind", ["smolvla", "xvla"])
def test_a_sound_base_is_taken_without_a_word(
    robot_trainer: RobotTrainer, request: pytest.FixtureRequest, arm: Path, tmp_path: Path, kind: str
) -> None:
    policy: Path = request.getfixturevalue(f"tiny_{kind}")
    job = RobotJob(robot_trainer, tmp_path / "job", arm, Model(kind, policy))
    attempt = job.attempt("prepare", SMOLVLA if kind == "smolvla" else XVLA)
    assert attempt.exit_code == 0, attempt.output
    assert "could not be tried" not in attempt.output
    assert "random" not in attempt.output

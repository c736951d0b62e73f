"""The seam is still there: what the trainer holds on to in LeRobot is where it was. An upgrade that moves it fails here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import RobotTrainer
from trainer.backends.lerobot.kinds import STRICT
from trainer.backends.lerobot.xvla import ANY, NUMBERS

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

SIGNATURES: Final = {
    "make_train_eval_datasets": ["cfg"],
    "make_policy": ["cfg", "ds_meta", "env_cfg", "rename_map"],
    "make_optimizer_and_scheduler": ["cfg", "policy"],
    "load_training_state": ["checkpoint_dir", "optimizer", "scheduler", "load_optimizer"],
    "make_pre_post_processors": ["policy_cfg", "pretrained_path", "pretrained_revision", "kwargs"],
    "cycle": ["iterable"],
    "update_policy": [
        *("train_metrics", "policy", "batch", "optimizer", "grad_clip_norm", "accelerator"),
        *("lr_scheduler", "lock", "sample_weighter"),
    ],
    "should_save_checkpoint": ["step", "save_freq", "total_steps"],
    "update_last_checkpoint": ["checkpoint_dir"],
    "inside_slurm": [],
    "WandBLogger": ["cfg"],
}
ORDER: Final = (
    *("make_train_eval_datasets", "make_policy", "make_pre_post_processors", "make_optimizer_and_scheduler"),
    "load_training_state",
    *("cycle", "inside_slurm", "update_policy", "should_save_checkpoint", "save_checkpoint", "update_last_checkpoint"),
)
"""In which the training comes to them: what is remembered at one is used at a later one."""
SAID: Final = (
    "batch = next(dl_iter)\n",
    "batch = preprocessor(batch)\n",
    "step += 1\n",
    "cfg.optimizer.grad_clip_norm,",
    "if cfg.save_checkpoint and is_saving_step:",
    "accelerator.wait_for_everyone()\n    accelerator.end_training()\n",
)
"""Of the loop's text: between fetching a batch and the next one nothing else happens than the trainer takes for granted."""


@pytest.fixture(scope="module")
def facts(robot_trainer: RobotTrainer) -> dict[str, object]:
    """What the installed LeRobot is like."""
    answer = robot_trainer.script(Path(__file__).with_name("robot_seam.py"))
    told: dict[str, object] = json.loads(answer.partition("FACTS ")[2].splitlines()[0])
    return told


def test_what_is_held_has_the_parameters_that_it_had(facts: dict[str, object]) -> None:
    found = facts["signatures"]
    assert isinstance(found, dict)
    assert {name: found[name] for name in SIGNATURES} == SIGNATURES
    assert found["save_checkpoint"][:2] == ["checkpoint_dir", "step"]


def test_the_training_comes_to_what_is_held_in_the_same_order(facts: dict[str, object]) -> None:
    called = facts["called"]
    assert isinstance(called, list)
    assert [name for name in dict.fromkeys(called) if name in ORDER] == list(ORDER)
    # Twice by design: the dataset is made by the first process first.
    assert all(called.count(name) == 1 for name in ORDER if name != "make_train_eval_datasets")


@pytest.mark.parametrize("said", SAID)
def test_the_loop_still_says(facts: dict[str, object], said: str) -> None:
    assert said in str(facts["loop"])


@pytest.mark.parametrize("kind", ["smolvla", "pi0", "pi05", "xvla"])
def test_a_policy_still_puts_the_cameras_that_are_there_first(facts: dict[str, object], kind: str) -> None:
    images = facts["images"]
    assert isinstance(images, dict)
    assert "present_img_keys = [key for key in self.config.image_features if key in batch]" in images[kind]


def test_every_setting_that_a_job_may_give_is_one_of_lerobots(facts: dict[str, object]) -> None:
    assert facts["unknownSettings"] == []


@pytest.mark.parametrize("kind", ["act", "smolvla", "pi0", "pi05", "xvla", "wall_oss"])
def test_settings_that_do_not_go_together_are_refused_with_the_reason(facts: dict[str, object], kind: str) -> None:
    refusals = facts["refusals"]
    assert isinstance(refusals, dict)
    said = refusals[kind]
    assert all(words in said for words in ("n_action_steps", "chunk", "9", "8")), said
    assert "instantiate" not in said


def test_xvlas_action_spaces_are_those_that_are_known_here(facts: dict[str, object]) -> None:
    spaces = facts["actionSpaces"]
    assert isinstance(spaces, dict)
    assert {name: numbers for name, numbers in spaces.items() if name != ANY} == NUMBERS
    assert ANY in spaces


def test_the_types_whose_weights_are_not_compared_still_fail_without_them(facts: dict[str, object]) -> None:
    sources = facts["loadsStrictly"]
    assert isinstance(sources, dict)
    assert set(sources) == set(STRICT)
    assert all("load_state_dict(state_dict, strict=True)" in source for source in sources.values())


def test_a_run_that_goes_on_from_a_checkpoint_may_be_new_to_wandb(facts: dict[str, object]) -> None:
    assert facts["reported"] == {"id": "a-run", "project": "tests", "resume": "allow"}

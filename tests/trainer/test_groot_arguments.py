"""What GR00T's trainers are told, and what is refused before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.trainer.groot_world import groot_run
from trainer.backends.groot.abilities import check_abilities
from trainer.backends.groot.arguments import Task, n1_5_command, n1_6_command, rows_per_process, steps_of
from trainer.failures import UserError
from trainer.launch import launches
from trainer.node import Node

PYTHON = "/opt/groot/bin/python"


def task(kind: str, **changes: object) -> Task:
    return Task(groot_run(kind, **changes), Path("/m"), Path("/d"), Path("/o"), 2000, None, Path("/e.py"))


def flags(command: list[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=", 1) for word in command if word.startswith("--") and "=" in word)


def pairs(command: list[str]) -> dict[str, str]:
    return {word: command[at + 1] for at, word in enumerate(command[:-1]) if word.startswith("--")}


def test_lerobot_is_told_model_dataset_schedule_and_that_nothing_leaves_the_pod() -> None:
    command = n1_5_command(PYTHON, task("gr00t_n1_5"))

    told = flags(command)
    assert command[:3] == [PYTHON, "-m", "lerobot.scripts.lerobot_train"]
    assert told["policy.type"] == "groot"
    assert (told["policy.base_model_path"], told["dataset.root"], told["output_dir"]) == ("/m", "/d", "/o")
    assert (told["policy.push_to_hub"], told["policy.device"], told["eval_freq"]) == ("false", "cuda", "0")
    assert (told["steps"], told["save_freq"], told["batch_size"]) == ("2000", "200", "64")
    assert (told["scheduler.num_decay_steps"], told["scheduler.peak_lr"]) == ("2000", "0.0001")
    assert float(told["optimizer.grad_clip_norm"]) == 1.0


def test_a_choice_of_episodes_is_told_to_lerobot() -> None:
    whole = task("gr00t_n1_5")
    some = Task(whole.run, whole.model, whole.dataset, whole.output, 2000, episodes=(0, 2))

    assert flags(n1_5_command(PYTHON, some))["dataset.episodes"] == "[0, 2]"
    assert "dataset.episodes" not in flags(n1_5_command(PYTHON, whole))


def test_lerobot_goes_on_by_the_configuration_of_a_checkpoint_with_this_attempts_schedule() -> None:
    first = task("gr00t_n1_5", checkpoints__everySteps=50)
    resumed = Task(first.run, first.model, first.dataset, first.output, 2000, Path("/c/checkpoint-50"))

    told = flags(n1_5_command(PYTHON, resumed))

    assert told["resume"] == "true"
    assert told["config_path"] == "/c/checkpoint-50/pretrained_model/train_config.json"
    assert (told["save_freq"], told["output_dir"]) == ("50", "/o")
    assert not any(name.startswith("policy.") for name in told), "a policy that is named begins from scratch"


def test_nvidias_launcher_is_told_the_dataset_and_what_its_numbers_are() -> None:
    command = n1_6_command(PYTHON, task("gr00t_n1_6", hyperparameters__extra={"tuneLlm": True, "tuneProjector": False}))

    told = pairs(command)
    assert command[:3] == [PYTHON, "-m", "gr00t.experiment.launch_finetune"]
    assert (told["--base-model-path"], told["--dataset-path"], told["--output-dir"]) == ("/m", "/d", "/o")
    assert (told["--embodiment-tag"], told["--modality-config-path"]) == ("NEW_EMBODIMENT", "/e.py")
    assert (told["--max-steps"], told["--save-steps"], told["--global-batch-size"]) == ("2000", "200", "64")
    assert {"--tune-llm", "--no-tune-projector"} <= set(command)
    assert "--color-jitter-params" not in command


def test_several_gpus_are_one_worker_of_ours_and_a_launcher_of_theirs() -> None:
    older, newer = (task(kind, hardware__gpus=4) for kind in ("gr00t_n1_5", "gr00t_n1_6"))

    assert "--num_processes=4" in n1_5_command(PYTHON, older)
    assert flags(n1_5_command(PYTHON, older))["batch_size"] == "16"
    assert "--nproc_per_node=4" in n1_6_command(PYTHON, newer)
    assert pairs(n1_6_command(PYTHON, newer))["--global-batch-size"] == "64"
    assert len(launches(older.run, Node(), os.environ)) == 1


def test_a_batch_that_gpus_cannot_share_alike_is_refused_with_the_two_nearest_that_they_can() -> None:
    with pytest.raises(UserError, match="batchSize is 64, which 3 GPUs cannot share") as refused:
        rows_per_process(groot_run(hardware__gpus=3))
    assert refused.value.advice == "Take 63 or 66."


def test_steps_are_given_or_come_from_epochs_over_the_frames() -> None:
    assert steps_of(groot_run(), 1000) == 20000
    by_epochs = groot_run(
        hyperparameters={"epochs": 3, "batchSize": 64, "learningRate": 1e-4, "seed": 1, "lora": {"enabled": False}}
    )
    assert steps_of(by_epochs, 1000) == 47


REFUSED = [
    ({"jobType": "vla_w_reward"}, "spec.jobType", "its jobType is vla"),
    ({"hyperparameters__lora": {"enabled": True}}, "spec.hyperparameters.lora.enabled", "the weights themselves"),
    ({"hyperparameters__precision": "fp32"}, "spec.hyperparameters.precision", "bf16"),
    ({"hyperparameters__maxGradNorm": 0.5}, "spec.hyperparameters.maxGradNorm", "bounds gradients at 1"),
    ({"hardware__nodes": 2}, "spec.nodes", "one node"),
    ({"output": {"select": "best"}}, "spec.output.select", "nothing is measured"),
    ({"hyperparameters__extra": {"tuneLlmm": True}}, "spec.hyperparameters.extra.tuneLlmm", "Did you mean 'tuneLlm'"),
    ({"hyperparameters__extra": {"tuneLlm": 1}}, "spec.hyperparameters.extra.tuneLlm", "must be true or false"),
]


@pytest.mark.parametrize(("changes", "param", "words"), REFUSED, ids=[param for _, param, _ in REFUSED])
def test_what_cannot_be_done_is_refused_with_its_field(changes: dict[str, object], param: str, words: str) -> None:
    check_abilities(groot_run())
    with pytest.raises(UserError, match=words) as refused:
        check_abilities(groot_run(**changes))
    assert refused.value.param == param


def test_lerobot_bounds_gradients_as_asked() -> None:
    check_abilities(groot_run("gr00t_n1_5", hyperparameters__maxGradNorm=0.5))

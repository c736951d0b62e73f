"""What the phases before a policy leave: found again when it counts; and their steps are none of the job's."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from tests.trainer.documents import Json
from tests.trainer.recordings_on_disk import TOP, write_recording
from tests.trainer.reward_runs import robot_run
from trainer.backends.lerobot.arguments import NEVER
from trainer.backends.lerobot.model_card import Told
from trainer.backends.lerobot.rewards.card import reward_card, reward_inference
from trainer.backends.lerobot.rewards.places import RewardPlaces
from trainer.backends.lerobot.rewards.planned import PlannedReward, planned_reward
from trainer.backends.lerobot.rewards.rehearsing import rehearse_reward
from trainer.backends.lerobot.rewards.sarm_arguments import sarm_arguments
from trainer.backends.lerobot.rewards.steps_aside import StepsAside, begin_progress
from trainer.backends.lerobot.rewards.weighting import weighting_arguments
from trainer.contract.progress import Progress
from trainer.contract.sources import Dataset
from trainer.contract.verdict import Position
from trainer.failures import UserError
from trainer.recordings.gathering import Gathered
from trainer.recordings.reading import read_recording
from trainer.rewards.hyperparameters import reward_run
from trainer.training.clock import TrainingClock
from trainer.training.course import Course
from trainer.training.interruption import Interruption
from trainer.workspace.checkpoints import Checkpoint
from trainer.workspace.layout import Workspace
from trainer.workspace.marker import Mark, write_mark

SIZED: Json = {"batchSize": 2, "learningRate": 5e-5, "seed": 1, "lora": {"enabled": False}}
WANDB: Json = {"type": "wandb", "wandb": {"project": "arms"}}


def course_at(seconds: float, wasted: float = 0.0) -> Course:
    """A course whose clock stands."""
    progress = Progress(attempt=1, activity="loading", wasted_seconds=wasted)
    return Course(progress, TrainingClock(seconds, 100.0, lambda: 0.0), Interruption(lambda: None))


def test_what_a_phase_made_is_found_again_and_told_with_its_seconds(tmp_path: Path) -> None:
    run = robot_run("vla_w_reward")
    made = RewardPlaces.of(Workspace(tmp_path)).progress
    assert not made.is_there(run, {"stride": 1})
    assert made.mark is None
    made.path.parent.mkdir()
    made.path.write_bytes(b"rows")
    assert not made.is_there(run, {"stride": 1})  # without its record it may be half of something
    made.is_made(run, course_at(30.0, wasted=10.0), {"stride": 1}, {"frames": 5})
    assert made.is_there(run, {"stride": 1})
    assert made.mark is not None
    assert (made.mark.useful_seconds(run.number), made.mark.useful_seconds(run.number + 1)) == (20.0, 0.0)


def test_what_was_made_of_something_else_or_before_a_new_start_does_not_count(tmp_path: Path) -> None:
    run = robot_run("vla_w_reward")
    made = RewardPlaces.of(Workspace(tmp_path)).model
    made.path.mkdir(parents=True)
    made.is_made(run, course_at(1.0), {"imageKey": "top"}, {})
    assert made.is_there(run, {"imageKey": "top"})
    assert not made.is_there(run, {"imageKey": "wrist"})
    assert not made.is_there(dataclasses.replace(run, resume_from=run.attempt + 1), {"imageKey": "top"})


def test_the_steps_of_a_reward_model_are_told_as_a_metric_alone() -> None:
    course = course_at(0.0)
    aside = StepsAside(course)
    aside.begin(4)
    aside.advance(5, 0.5, 0)
    aside.checkpointed(5)
    now = course.progress
    assert (now.step, now.checkpoint_step, now.activity) == (0, 0, "step")
    assert (now.metrics["rewardStep"], now.metrics["rewardCheckpointStep"]) == (5, 5)
    assert course.began


def test_the_progress_after_a_reward_models_training_uses_none_of_its_hours_and_before_a_policy_it_does() -> None:
    now = [0.0]
    for job_type, used in (("reward", 50.0), ("vla_w_reward", 1050.0)):
        now[0] = 0.0
        progress = Progress(attempt=1, activity="loading")
        course = Course(progress, TrainingClock(50.0, 50.0, lambda: now[0]), Interruption(lambda: None))
        course.begin(4)  # the training
        begin_progress(robot_run(job_type), course)
        now[0] = 1000.0
        assert course.clock.seconds == used


def test_lerobot_is_told_which_progress_weights(tmp_path: Path) -> None:
    own = tmp_path / "reward" / "progress.parquet"
    assert weighting_arguments(robot_run("vla"), Workspace(tmp_path)) == ()
    assert weighting_arguments(robot_run("vla_w_reward", {"kappa": 0.02, "headMode": "both"}), Workspace(tmp_path)) == (
        "--sample_weighting.type=rabc",
        f"--sample_weighting.progress_path={own}",
        "--sample_weighting.head_mode=sparse",
        "--sample_weighting.kappa=0.02",
    )
    (tmp_path / "given.parquet").write_bytes(b"rows")
    given = {"useRabc": True, "progressPath": str(tmp_path / "given.parquet"), "headMode": "dense"}
    told = weighting_arguments(robot_run("vla", given), Workspace(tmp_path / "workspace"))
    assert told[1:3] == (
        f"--sample_weighting.progress_path={tmp_path / 'given.parquet'}",
        "--sample_weighting.head_mode=dense",
    )


def test_lerobot_is_told_the_camera_and_the_settings_of_a_reward_model() -> None:
    reward: Json = {
        "imageKey": "observation.images.top",
        "annotationMode": "dual",
        "hyperparameters": {"extra": {"dropout": 0}},
    }
    told = sarm_arguments(
        reward_run(robot_run("vla_w_reward", reward, integrations=[WANDB])), ("observation.images.top",), "cpu"
    )
    assert told == (
        "--reward_model.type=sarm",
        "--reward_model.annotation_mode=dual",
        "--reward_model.image_key=observation.images.top",
        "--reward_model.dropout=0",
        "--reward_model.device=cpu",
        "--reward_model.push_to_hub=false",
        "--job_name=support-bot",
        "--wandb.enable=false",  # these steps are none of the job's
    )


def test_a_reward_job_reports_to_its_tracker() -> None:
    told = sarm_arguments(robot_run("reward", {"imageKey": TOP}, integrations=[WANDB]), (TOP,), "cpu")
    assert {"--wandb.enable=true", "--wandb.project=arms"} <= set(told)


def test_a_reward_job_augments_its_pictures_when_it_is_told_to(tmp_path: Path) -> None:
    for wanted in (True, False):
        planned = planned_on(tmp_path / str(wanted), hyperparameters__imageAugmentation=wanted)
        shown = "true" if wanted else "false"
        assert f"--dataset.image_transforms.enable={shown}" in planned.arguments(tmp_path / "nowhere")


def test_a_checkpoint_of_a_reward_model_that_saw_another_camera_is_not_gone_on_from(tmp_path: Path) -> None:
    planned = planned_on(tmp_path)
    checkpoint = Checkpoint(step=2, attempt=1, path=tmp_path / "checkpoint-2")
    checkpoint.path.mkdir()
    write_mark(checkpoint.path, {"step": 2}, Mark("", method=planned.method))
    planned.check_method(checkpoint)
    write_mark(checkpoint.path, {"step": 2}, Mark("", method={**planned.method, "imageKey": "other"}))
    with pytest.raises(UserError, match="imageKey was 'other' when it was taken") as refused:
        planned.check_method(checkpoint)
    assert (refused.value.code, refused.value.param) == ("MethodChanged", "spec.reward")


def test_a_reward_models_batch_that_cannot_be_split_is_refused_by_the_field_that_says_it(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    dataset = Dataset("kitchen", "train", "pvc://data/kitchen", folder, "spec.datasets[0]")
    run = robot_run("vla_w_reward", {"imageKey": TOP, "hyperparameters": {"batchSize": 32}}, hardware__gpus=3)
    with pytest.raises(UserError, match="the reward model: batchSize 32 is global") as refused:
        rehearse_reward(dataclasses.replace(run, datasets=(dataset,)), Workspace(tmp_path), Gathered(folder, None, ()))
    assert refused.value.param == "spec.reward.hyperparameters.batchSize"


@pytest.mark.parametrize("length", [{}, {"epochs": 2}])
def test_the_learning_rate_of_a_reward_model_falls_with_the_hours_unless_steps_are_given(
    tmp_path: Path, length: Json
) -> None:
    planned = planned_on(tmp_path, hyperparameters={**SIZED, **length})
    plan = planned.plan()
    assert (plan.total_steps is None, plan.schedule.follows_hours) == (not length, True)
    assert plan.schedule.place(0, share=0.5) == plan.schedule.decay_steps / 2
    assert plan.schedule.warmup_steps == math.ceil(plan.schedule.decay_steps / 100)
    steps = f"--steps={plan.total_steps or NEVER}"
    assert steps in planned.arguments(tmp_path / "nowhere")
    given = planned_on(tmp_path / "given", hyperparameters={**SIZED, "steps": 70}).plan()
    assert (given.total_steps, given.schedule.follows_hours) == (70, False)


@pytest.mark.parametrize(("own", "steps", "follows_hours"), [({}, 5000, True), ({"steps": 70}, 70, False)])
def test_before_a_policy_steps_that_nobody_chose_are_the_most_and_the_rate_falls_with_its_share_of_the_hours(
    tmp_path: Path, own: Json, steps: int, *, follows_hours: bool
) -> None:
    root = write_recording(tmp_path / "kitchen")
    dataset = Dataset("kitchen", "train", "pvc://data/kitchen", root, "spec.datasets[0]")
    run = dataclasses.replace(robot_run("vla_w_reward", {"imageKey": TOP, "hyperparameters": own}), datasets=(dataset,))
    plan = planned_reward(reward_run(run), Gathered(root, None, ())).plan()
    assert (plan.total_steps, plan.schedule.follows_hours) == (steps, follows_hours)
    assert plan.schedule.place(steps // 10, share=0.5) == (steps / 2 if follows_hours else steps / 10)


def planned_on(folder: Path, **changes: object) -> PlannedReward:
    """The training of a reward model on a recording in `folder`."""
    root = write_recording(folder / "kitchen")
    dataset = Dataset("kitchen", "train", "pvc://data/kitchen", root, "spec.datasets[0]")
    run = dataclasses.replace(robot_run("reward", {"imageKey": TOP}, **changes), datasets=(dataset,))
    return planned_reward(run, Gathered(root, None, ()))


def test_a_published_reward_model_says_what_it_sees_and_how_it_learned(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    dataset = Dataset("kitchen", "train", "pvc://data/kitchen", folder, "spec.datasets[0]")
    recording = read_recording(dataset)
    run = dataclasses.replace(robot_run("reward", {"imageKey": TOP, "annotationMode": "dual"}), datasets=(dataset,))
    metrics = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]
    card, picture = reward_card(
        run, recording, Told(2, metrics, Position(2, 2, training_seconds=36.0), "go on", pictured=True), progress=True
    )
    for words in (
        "after step 2",
        "pvc://data/kitchen",
        f"`{TOP}`",
        "sparse and dense progress",
        "| loss | 0.25 |",
        "| 2 steps in 0.01 hours;",
    ):
        assert words in card
    assert "![Cameras and slots](cameras.png)" in card
    assert ("sarm_progress.parquet" in card, "loss.svg" in card, picture.startswith("<svg")) == (True, True, True)
    told = reward_inference(run, recording)
    assert (told["policyType"], told["heads"], told["fps"]) == ("sarm", ["sparse", "dense"], recording.fps)
    assert [each["datasetKey"] for each in told["cameras"]] == [TOP]  # type: ignore[attr-defined]


def test_without_progress_or_losses_the_card_names_neither(tmp_path: Path) -> None:
    folder = write_recording(tmp_path / "kitchen")
    recording = read_recording(Dataset("kitchen", "train", "pvc://data/kitchen", folder, "spec.datasets[0]"))
    card, picture = reward_card(
        robot_run("reward", {"imageKey": TOP}), recording, Told(2, [], Position(2, 2), "stopped"), progress=False
    )
    assert picture == ""
    assert "loss.svg" not in card
    assert "cameras.png" not in card
    assert "sarm_progress.parquet" not in card

"""What the phases before a policy leave: found again when it counts; and their steps are none of the job's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tests.trainer.documents import Json
from tests.trainer.reward_runs import robot_run
from trainer.backends.lerobot.rewards.places import RewardPlaces
from trainer.backends.lerobot.rewards.sarm_arguments import sarm_arguments
from trainer.backends.lerobot.rewards.steps_aside import StepsAside
from trainer.backends.lerobot.rewards.weighting import weighting_arguments
from trainer.contract.progress import Progress
from trainer.training.clock import TrainingClock
from trainer.training.course import Course
from trainer.training.interruption import Interruption
from trainer.workspace.layout import Workspace


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
    told = sarm_arguments(robot_run("vla_w_reward", reward), ("observation.images.top",), "cpu")
    assert told == (
        "--reward_model.type=sarm",
        "--reward_model.annotation_mode=dual",
        "--reward_model.image_key=observation.images.top",
        "--reward_model.dropout=0",
        "--reward_model.device=cpu",
        "--reward_model.push_to_hub=false",
    )

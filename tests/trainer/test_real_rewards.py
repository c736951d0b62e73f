"""Reward models with a real LeRobot: one alone, and a policy that is weighted by one, killed in each of its phases."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import Json
from tests.trainer.real_trainer import WITHIN, children
from tests.trainer.robot_jobs import Model, RobotJob, RobotTrainer, complete_steps
from trainer.workspace.marker import Mark, write_mark

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(5 * WITHIN)]

IMAGES = "observation.images"
CAMERAS = [
    {"slot": "cam_1", "policyKey": f"{IMAGES}.camera1", "datasetKey": f"{IMAGES}.top"},
    {"slot": "cam_2", "policyKey": f"{IMAGES}.camera2"},
    {"slot": "cam_3", "policyKey": f"{IMAGES}.camera3"},
]
SMALL: Json = {
    "hidden_dim": 24,
    "num_heads": 2,
    "num_layers": 1,
    "frame_gap": 2,
    "n_obs_steps": 4,
    "max_rewind_steps": 2,
}
"""A SARM that learns in seconds."""
REWARD_STEPS, STEPS = 30, 24


@pytest.fixture(scope="module")
def clip(robot_trainer: RobotTrainer, robot_world: Path) -> Path:
    """A tiny CLIP."""
    robot_trainer.script(Path(__file__).with_name("tiny_clip.py"), str(robot_world / "clip"))
    return robot_world / "clip"


def chain(clip: Path, **changes: object) -> Json:
    """The places of a job that trains reward model and policy."""
    own: Json = {"clipModel": str(clip), "steps": REWARD_STEPS, "batchSize": 2, "extra": SMALL}
    places: Json = {
        "jobType": "vla_w_reward",
        "cameras": CAMERAS,
        "reward": {"hyperparameters": own},
        "hyperparameters__steps": STEPS,
        "hyperparameters__batchSize": 2,
        "checkpoints__everySteps": 2,
    }
    return {**places, **changes}


def progress_file(file: Path, frames: int) -> Path:
    """The progress of two episodes, as LeRobot writes it for the sparse head."""
    half = frames // 2
    progress = [*(frame / half for frame in range(half)), *(frame / (frames - half) for frame in range(frames - half))]
    columns = {
        "index": pa.array(range(frames), pa.int64()),
        "episode_index": pa.array([0] * half + [1] * (frames - half), pa.int64()),
        "frame_index": pa.array([*range(half), *range(frames - half)], pa.int64()),
        "progress_sparse": pa.array(progress, pa.float32()),
    }
    pq.write_table(pa.table(columns), file)
    return file


def rewarded_steps(job: RobotJob) -> list[int]:
    """The steps of the reward model that were logged."""
    if not job.workspace.metrics.exists():
        return []
    lines = map(json.loads, job.workspace.metrics.read_text().splitlines())
    return [line["step"] for line in lines if "rewardLoss" in line]


def test_a_chain_that_is_ended_and_killed_in_each_of_its_phases_ends_with_a_policy_that_was_weighted(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path, clip: Path
) -> None:
    job = RobotJob(robot_trainer, robot_world / "weighted", arm, Model("smolvla", tiny_smolvla))
    ended = job.attempt("prepare", chain(clip))
    assert (ended.exit_code, ended.verdict["result"]) == (0, "completed"), ended.output
    _is_ended_while_the_reward_model_is_trained(job, clip)
    _is_killed_while_progress_is_computed(job, clip)
    _is_ended_while_the_policy_is_trained(job, clip)
    ended = job.attempt("train", chain(clip, attempt=4))
    assert (ended.exit_code, ended.verdict["result"]) == (0, "completed"), ended.output
    assert (ended.verdict["step"], ended.verdict["totalSteps"]) == (STEPS, STEPS)
    assert sorted(job.losses()) == list(range(1, STEPS + 1))
    assert "the progress of 20 frames is computed" not in ended.output
    assert "samples are weighted by" in ended.output
    config = json.loads((job.workspace.model / "config.json").read_text())
    assert config["type"] == "smolvla"


def _is_ended_while_the_reward_model_is_trained(job: RobotJob, clip: Path) -> None:
    started = job.start("train", chain(clip))
    wait_until(lambda: len(rewarded_steps(job)) >= 3, WITHIN)
    started.send_signal(signal.SIGTERM)
    ended = job.end(started)
    assert (ended.exit_code, ended.verdict["result"]) == (75, "retry"), ended.output
    assert "of the reward model is complete" in str(ended.verdict["message"])
    assert complete_steps(job.workspace) == []
    assert not (job.workspace.root / "reward" / "model.json").exists()


def _is_killed_while_progress_is_computed(job: RobotJob, clip: Path) -> None:
    reward = job.workspace.root / "reward"
    saved = max(int(each.parent.name.rpartition("-")[2]) for each in reward.glob("checkpoints/*/*/COMPLETE.json"))
    started = job.start("train", chain(clip, attempt=2))
    wait_until((reward / "model.json").exists, WITHIN)
    for pid in (*children(started.pid), started.pid):
        os.kill(pid, signal.SIGKILL)
    output, _ = started.communicate(timeout=WITHIN)
    assert f"begins again after step {saved}" in output
    assert not (reward / "progress.json").exists()
    assert json.loads((reward / "model.json").read_text())["steps"] == REWARD_STEPS
    assert sorted(set(rewarded_steps(job))) == list(range(1, REWARD_STEPS + 1))


def _is_ended_while_the_policy_is_trained(job: RobotJob, clip: Path) -> None:
    reward = job.workspace.root / "reward"
    logged = len(rewarded_steps(job))
    started = job.start("train", chain(clip, attempt=3))
    wait_until(lambda: len(job.losses()) >= 2, WITHIN)
    started.send_signal(signal.SIGTERM)
    ended = job.end(started)
    assert (ended.exit_code, ended.verdict["result"]) == (75, "retry"), ended.output
    assert ended.verdict["step"] == max(complete_steps(job.workspace))
    assert (json.loads((reward / "progress.json").read_text())["attempt"], len(rewarded_steps(job))) == (3, logged)
    table = pq.read_table(reward / "progress.parquet")
    assert (table.num_rows, table["index"].to_pylist()) == (20, list(range(20)))
    assert all(0 <= value <= 1 for value in table["progress_sparse"].to_pylist())


def test_a_policy_is_weighted_by_a_file_of_progress(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path, tmp_path: Path
) -> None:
    file = progress_file(tmp_path / "progress.parquet", 20)
    by_file: Json = {"useRabc": True, "progressPath": str(file), "progressUri": "pvc://progress", "headMode": "both"}
    job = RobotJob(robot_trainer, robot_world / "by-file", arm, Model("smolvla", tiny_smolvla))
    ended = job.attempt("train", {"cameras": CAMERAS, "reward": by_file, "hyperparameters__batchSize": 2})
    assert (ended.exit_code, ended.verdict["result"]) == (0, "completed"), ended.output
    assert not (job.workspace.root / "reward").exists()
    kept = next(job.workspace.checkpoints.glob("*/*/pretrained_model/train_config.json"))
    weighting = json.loads(kept.read_text())["sample_weighting"]
    assert (weighting["type"], weighting["progress_path"], weighting["head_mode"]) == ("rabc", str(file), "sparse")


def test_what_does_not_fit_is_refused_before_a_gpu_is_taken(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path, tmp_path: Path
) -> None:
    whole, short = progress_file(tmp_path / "whole.parquet", 20), progress_file(tmp_path / "short.parquet", 19)
    given: Json = {"useRabc": True, "progressUri": "pvc://progress"}
    refusals: list[tuple[Json, str, str]] = [
        ({**given, "progressPath": str(short)}, "ProgressInvalid", "has 19 rows"),
        ({**given, "progressPath": str(whole), "headMode": "dense"}, "ProgressInvalid", "has no column progress_dense"),
        (
            {
                "useRabc": True,
                "modelUri": "pvc://m",
                "modelPath": str(tiny_smolvla),
                "hyperparameters": {"clipModel": "/gone"},
            },
            "ClipMissing",
            "/gone",
        ),
    ]
    job = RobotJob(robot_trainer, robot_world / "refused", arm, Model("smolvla", tiny_smolvla))
    for reward, code, words in refusals:
        ended = job.attempt("prepare", {"cameras": CAMERAS, "reward": reward})
        assert (ended.exit_code, ended.verdict["code"]) == (64, code), ended.output
        assert words in str(ended.verdict["message"])
    # What no server answers may go better the next time.
    unreachable = {"useRabc": True, "modelUri": "pvc://m", "modelPath": str(tiny_smolvla)}
    ended = job.attempt("prepare", {"cameras": CAMERAS, "reward": unreachable})
    assert (ended.verdict["result"], ended.verdict["code"]) == ("failed", "SourceUnavailable"), ended.output
    assert "clipModel" in str(ended.verdict["advice"])


def test_a_reward_model_that_cannot_go_on_from_its_checkpoint_is_refused_before_a_gpu_is_taken(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path, clip: Path
) -> None:
    alone: Json = {
        "jobType": "reward",
        "hyperparameters__extra": SMALL,
        "reward": {"imageKey": f"{IMAGES}.top", "hyperparameters": {"clipModel": str(clip)}},
    }
    kinds = (("checkpoints", Model("sarm"), alone), ("reward/checkpoints", Model("smolvla", tiny_smolvla), chain(clip)))
    for place, model, changes in kinds:
        job = RobotJob(robot_trainer, robot_world / f"changed-{model.kind}", arm, model)
        checkpoint = job.workspace.root / place / "attempt-1" / "checkpoint-2"
        checkpoint.mkdir(parents=True)
        write_mark(checkpoint, {"step": 2, "attempt": 1}, Mark("", method={"annotationMode": "dual"}))
        ended = job.attempt("prepare", {**changes, "attempt": 2})
        assert (ended.exit_code, ended.verdict["code"]) == (64, "MethodChanged"), ended.output
        assert (ended.verdict["param"], "annotationMode" in str(ended.verdict["message"])) == ("spec.reward", True)


def test_a_reward_model_alone_becomes_a_model_with_its_progress(
    robot_trainer: RobotTrainer, robot_world: Path, arm: Path, clip: Path
) -> None:
    job = RobotJob(robot_trainer, robot_world / "reward-alone", arm, Model("sarm"))
    changes: Json = {
        "jobType": "reward",
        "cameras": [{"slot": "cam_1", "datasetKey": f"{IMAGES}.top"}],
        "hyperparameters__extra": SMALL,
        "hyperparameters__imageAugmentation": True,
        "hyperparameters__warmupRatio": 0.5,
        "reward": {"hyperparameters": {"clipModel": str(clip), "stride": 2}},
    }
    ended = job.attempt("train", changes)
    assert (ended.exit_code, ended.verdict["result"]) == (0, "completed"), ended.output
    assert list(job.losses()) == [1, 2, 3, 4]
    first = json.loads(job.workspace.metrics.read_text().splitlines()[0])
    assert first["learningRate"] == pytest.approx(0.0005 * 2 / 3), "the second third of a rise over half of the steps"
    names = {each.name for each in job.workspace.model.iterdir()}
    assert {"config.json", "model.safetensors", "policy_preprocessor.json", "sarm_progress.parquet"} <= names
    assert {"README.md", "inference.json", "loss.svg", "cameras.png"} <= names
    config = json.loads((job.workspace.model / "config.json").read_text())
    assert (config["type"], config["image_key"], config["pretrained_path"]) == ("sarm", f"{IMAGES}.top", None)
    assert pq.read_table(job.workspace.model / "sarm_progress.parquet").num_rows == 20
    _is_finished_without_its_clip(job, changes)


def test_a_reward_model_is_trained_for_its_hours_alone_and_its_learning_rate_falls_with_them(
    robot_trainer: RobotTrainer, robot_world: Path, arm: Path, clip: Path
) -> None:
    job = RobotJob(robot_trainer, robot_world / "reward-by-hours", arm, Model("sarm"))
    changes: Json = {
        "jobType": "reward",
        "cameras": [{"slot": "cam_1", "datasetKey": f"{IMAGES}.top"}],
        "hyperparameters__extra": SMALL,
        "hyperparameters__steps": None,
        "hyperparameters__batchSize": 2,
        "limits__trainingSeconds": 8,
        "reward": {"hyperparameters": {"clipModel": str(clip)}},
    }
    ended = job.attempt("train", changes)
    assert (ended.exit_code, ended.verdict["result"]) == (0, "deadline"), ended.output
    step = ended.verdict["step"]
    assert isinstance(step, int)
    assert ended.verdict["totalSteps"] == step > 5
    rates = job.metric("learningRate")
    assert max(rates.values()) == pytest.approx(0.0005, rel=0.1)
    assert rates[max(rates)] < 0.2 * 0.0005, "SARM's falls to a tenth"
    card = (job.workspace.model / "README.md").read_text()
    assert "the hours bounded it, and the learning rate fell to its end with them" in card


def test_a_reward_model_of_annotated_subtasks_weights_a_policy_by_its_dense_head(
    robot_trainer: RobotTrainer, robot_world: Path, tiny_smolvla: Path, arm: Path, clip: Path
) -> None:
    annotated = _annotated(arm, robot_world / "annotated-arm")
    clip_alone: Json = {"hyperparameters": {"clipModel": str(clip)}}
    own = RobotJob(robot_trainer, robot_world / "dual", annotated, Model("sarm"))
    learns: Json = {
        "jobType": "reward",
        "cameras": [{"slot": "cam_1", "datasetKey": f"{IMAGES}.top"}],
        "hyperparameters__extra": SMALL,
        "hyperparameters__steps": 2,
        "hyperparameters__batchSize": 2,
        "reward": {**clip_alone, "annotationMode": "dual", "headMode": "both"},
    }
    ended = own.attempt("train", learns)
    assert (ended.exit_code, ended.verdict["result"]) == (0, "completed"), ended.output
    columns = pq.read_table(own.workspace.model / "sarm_progress.parquet").column_names
    assert {"progress_sparse", "progress_dense"} <= set(columns)
    by_model: Json = {
        "useRabc": True,
        "modelUri": "pvc://m",
        "modelPath": str(own.workspace.model),
        "headMode": "dense",
    }
    job = RobotJob(robot_trainer, robot_world / "by-dense-head", annotated, Model("smolvla", tiny_smolvla))
    changes: Json = {"cameras": CAMERAS, "reward": {**clip_alone, **by_model}}
    ended = job.attempt("train", {**changes, "hyperparameters__steps": 2, "hyperparameters__batchSize": 2})
    assert (ended.exit_code, ended.verdict["step"]) == (0, 2), ended.output
    kept = next(job.workspace.checkpoints.glob("*/*/pretrained_model/train_config.json"))
    assert json.loads(kept.read_text())["sample_weighting"]["head_mode"] == "dense"
    progress = pq.read_table(job.workspace.root / "reward" / "progress.parquet")["progress_dense"].to_pylist()
    assert len(progress) == 20
    assert all(0 <= value <= 1 for value in progress)


def _annotated(recording: Path, folder: Path) -> Path:
    """A copy of a recording of ten frames an episode, with subtasks as LeRobot's annotation tool writes them."""
    shutil.copytree(recording, folder)
    subtasks: dict[str, dict[str, tuple[int, int]]] = {
        "sparse": {"pick": (0, 9)},
        "dense": {"reach": (0, 4), "lift": (5, 9)},
    }
    tables = list(folder.glob("meta/episodes/*/*.parquet"))
    for kind, parts in subtasks.items():
        shares = dict.fromkeys(parts, 1 / len(parts))
        (folder / f"meta/temporal_proportions_{kind}.json").write_text(json.dumps(shares))
        starts, ends = zip(*parts.values(), strict=True)
        columns = {"names": list(parts), "start_frames": list(starts), "end_frames": list(ends)}
        for file in tables:
            table = pq.read_table(file)
            for name, value in columns.items():
                table = table.append_column(f"{kind}_subtask_{name}", pa.array([value] * table.num_rows))
            pq.write_table(table, file)
    return folder


def _is_finished_without_its_clip(job: RobotJob, changes: Json) -> None:
    """What a stopped job is finished from is its newest checkpoint alone."""
    shutil.rmtree(job.workspace.model)
    gone = {"reward": {"hyperparameters": {"clipModel": "/gone"}}}
    ended = job.attempt("train", {**changes, **gone, "attempt": 2, "finish": True})
    assert (ended.exit_code, ended.verdict["result"], ended.verdict["step"]) == (0, "stopped", 4), ended.output
    assert (job.workspace.model / "model.safetensors").is_file()

"""Two processes that train one policy, as two pods of one node each: by LeRobot's own way of sharing, on CPU."""

from __future__ import annotations

import math
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer.real_trainer import WITHIN
from tests.trainer.recordings_on_disk import change_table, column
from tests.trainer.robot_jobs import RobotJob, complete_steps

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

TWO = {"hardware__nodes": 2, "hyperparameters__batchSize": 4, "checkpoints__everySteps": 2}


@pytest.fixture
def spoilt(circles: Path, tmp_path: Path) -> Path:
    """The dataset with an action of its last episode that is no number: what is read of `meta/` alone does not tell."""
    folder = tmp_path / "spoilt"
    shutil.copytree(circles, folder)
    path = str(next((folder / "data").rglob("*.parquet")).relative_to(folder))
    actions = column(folder, path, "action")
    actions[-1] = [math.nan] * len(actions[-1])
    change_table(folder, path, action=actions)
    return folder


def test_without_a_stage_prepare_the_first_process_looks_and_the_others_wait(
    act_job: RobotJob, spoilt: Path, robot_world: Path
) -> None:
    job = RobotJob(act_job.robot_trainer, robot_world / "spoilt-job", spoilt)
    pods = job.robot_nodes(2)
    other, first = (pods[1].start("train", TWO), pods[0].start("train", TWO))
    refused = pods[0].end(first)
    assert (refused.exit_code, refused.verdict["code"]) == (64, "DatasetInvalid"), refused.output
    assert "must be finite" in str(refused.verdict["message"])
    other.terminate()  # as Kubernetes ends the other pods of a Job that has failed
    assert "Traceback" not in pods[1].end(other).output
    assert not (job.workspace.root / "recordings").exists()


def test_two_processes_train_one_policy_are_ended_together_and_go_on(act_job: RobotJob) -> None:
    pods = act_job.robot_nodes(2)
    started = [pod.start("train", {**TWO, "hyperparameters__steps": 500}) for pod in pods]
    wait_until(lambda: pods[0].workspace.metrics.exists() and len(pods[0].losses()) >= 3, WITHIN)
    started[1].send_signal(signal.SIGTERM)  # one of them: both must end
    ended = [pod.end(process) for pod, process in zip(pods, started, strict=True)]
    assert [each.exit_code for each in ended] == [75, 75], "\n".join(each.output for each in ended)
    saved = max(complete_steps(act_job.workspace))
    assert ended[0].verdict["step"] == saved
    changes = {
        **TWO,
        "attempt": 2,
        "hyperparameters__steps": saved + 2,
        "evaluation": {"fraction": 0.3, "everySteps": 1},
    }
    last = [pod.end(process) for pod, process in [(pod, pod.start("train", changes)) for pod in pods]]
    assert [each.exit_code for each in last] == [0, 0], "\n".join(each.output for each in last)
    assert last[0].verdict["step"] == saved + 2
    assert f"training starts again after step {saved}" in last[0].output
    assert act_job.workspace.model.is_dir()
    assert list(act_job.metric("evalLoss"))[-2:] == [saved + 1, saved + 2]

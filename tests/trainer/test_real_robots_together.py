"""Two processes that train one policy, as two pods of one node each: by LeRobot's own way of sharing, on CPU."""

from __future__ import annotations

import signal

import pytest

from tests.support.eventually import wait_until
from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import RobotJob, complete_steps

pytestmark = [pytest.mark.trainer, pytest.mark.timeout(4 * WITHIN)]

TWO = {"hardware__nodes": 2, "hyperparameters__batchSize": 4, "checkpoints__everySteps": 2}


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

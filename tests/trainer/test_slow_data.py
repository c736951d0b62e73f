"""When a training waits for its data too long, and what it is told to do."""

from __future__ import annotations

import pytest

from tests.trainer.reward_runs import robot_run
from trainer.backends.lerobot.slow_data import WINDOW, slow_data_warning, waiting_for_data


def test_the_last_steps_together_decide_for_one_may_wait_for_many() -> None:
    one_waits_for_four = [(4.0, 5.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0)] * (WINDOW // 4)
    assert waiting_for_data(one_waits_for_four) is None, "half of the time is not more than half"
    slower = [(6.0, 7.0), *one_waits_for_four[1:]]
    assert waiting_for_data(slower) == pytest.approx(22 / 42)
    assert waiting_for_data([(1.0, 1.0)] * 100 + one_waits_for_four) is None, "it has become faster since"


def test_too_few_steps_say_nothing() -> None:
    assert waiting_for_data([]) is None
    assert waiting_for_data([(1.0, 1.0)] * (WINDOW - 1)) is None
    assert waiting_for_data([(0.0, 0.0)] * WINDOW) is None


def test_the_remedies_are_those_that_this_pod_leaves_room_for() -> None:
    few = slow_data_warning(robot_run("vla", hardware__gpus=1, hardware__cpus=4), 0.7)
    assert few.startswith(f"70% of the time of the last {WINDOW} logged steps went by in waiting for data")
    assert "an instance type with more CPUs (3 processes fetch data for each GPU now, and up to 8 can)" in few
    assert "smaller pictures" in few
    assert "images instead of videos" in few
    many = slow_data_warning(robot_run("vla", hardware__gpus=1, hardware__cpus=64), 0.7)
    assert "CPUs" not in many
    assert "smaller pictures" in many

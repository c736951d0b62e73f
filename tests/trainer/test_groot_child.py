"""GR00T's trainer as a child: heard, watched, ended, and its checkpoints made ours."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer import groot_stand_in
from tests.trainer.groot_world import groot_run
from trainer.backends.groot.child import Watching, run_child
from trainer.backends.groot.ending import finish_newest, finished
from trainer.backends.groot.said import Said, said
from trainer.backends.groot.writings import QUIET_SECONDS, Whole, adopt, lend, take_model, written
from trainer.contract.progress import Progress, Reply
from trainer.contract.sources import ModelType
from trainer.failures import Broken, OutOfMemory, UserError
from trainer.training.clock import TrainingClock
from trainer.training.course import Course
from trainer.training.interruption import Interruption
from trainer.workspace.checkpoints import all_checkpoints, mark_complete
from trainer.workspace.fence import take_fence
from trainer.workspace.layout import Workspace
from trainer.workspace.marker import Mark

KINDS: Mapping[ModelType, str] = {"gr00t_n1_5": "lerobot", "gr00t_n1_6": "isaac"}
STEPS = 12


@dataclass
class Led:
    """A child that was led, and what was heard and seen of it."""

    output: Path
    course: Course
    lines: list[str] = field(default_factory=list)
    newest: int = 0

    def run(self, kind: ModelType, **variables: str) -> None:
        program = [sys.executable, groot_stand_in.__file__, str(self.output), str(STEPS), KINDS[kind]]
        environment = {**os.environ, **variables, "PYTHONUNBUFFERED": "1"}
        run_child(program, environment, self.course, Watching(self.lines.append, lambda: self.newest))

    @property
    def heard(self) -> list[Said]:
        return [said(line) for line in self.lines]


@pytest.fixture
def led(tmp_path: Path) -> Led:
    clock = TrainingClock(0.0, 1000.0, time.monotonic)
    course = Course(Progress(attempt=1, activity="loading"), clock, Interruption(lambda: None))
    course.interruption.defer()
    return Led(tmp_path / "output", course)


@pytest.mark.parametrize("kind", list(KINDS))
def test_step_and_metrics_are_heard_in_the_lines_of_both_trainers(led: Led, kind: ModelType) -> None:
    led.run(kind)

    assert [each.step for each in led.heard if each.step] == list(range(1, STEPS + 1))
    assert {each.total for each in led.heard if each.total} == {STEPS}
    metrics = [each.metrics for each in led.heard if each.metrics]
    assert metrics[4] == {"loss": 2.0, "gradNorm": 1.5, "learningRate": 0.0001}
    assert led.course.stopped_by == "go on"


@pytest.mark.parametrize(("ask", "reason"), [("stop", "stopped"), ("budget", "deadline"), ("signal", "terminated")])
def test_a_child_that_hears_no_signal_is_ended_once_a_checkpoint_of_it_is_ours(led: Led, ask: str, reason: str) -> None:
    led.newest = 5
    led.course.clock.start()
    if ask == "stop":
        led.course.obey(Reply(stop=True))
    elif ask == "budget":
        led.course.obey(Reply(budget_seconds=0.001))
    else:
        led.course.interruption.asked = True

    led.run("gr00t_n1_6", ENDLESS="1")

    assert led.course.stopped_by == reason


def test_a_stop_waits_for_the_first_checkpoint_and_sigterm_does_not(led: Led) -> None:
    led.course.obey(Reply(stop=True))
    looks = iter([0, 0, 5])

    def looked() -> int:
        led.newest = next(looks, 5)
        return led.newest

    program = [sys.executable, groot_stand_in.__file__, str(led.output), str(STEPS), "isaac"]
    run_child(program, {**os.environ, "ENDLESS": "1"}, led.course, Watching(led.lines.append, looked))

    assert led.newest == 5
    led.output = led.output.with_name("again")
    led.newest, led.course.interruption.asked = 0, True
    led.run("gr00t_n1_6", ENDLESS="1")
    assert led.course.stopped_by == "terminated"


def test_a_child_that_fails_says_why_and_gpu_memory_is_told_apart(led: Led) -> None:
    with pytest.raises(OutOfMemory, match="ran out of GPU memory"):
        led.run("gr00t_n1_5", BREAKS_AT="3")
    with pytest.raises(Broken, match=r"GR00T's trainer ended with 2: .*No such file"):
        run_child([sys.executable, "absent.py"], os.environ, led.course, Watching(led.lines.append, lambda: 0))


def test_lerobot_says_which_checkpoint_is_whole_and_of_the_other_it_shows_in_its_quiet(led: Led) -> None:
    led.run("gr00t_n1_5")
    assert [each.step for each in Whole(led.output, "gr00t_n1_5").checkpoints(0.0)] == [5, 10]
    (led.output / "checkpoints/000015").mkdir()
    assert [each.step for each in Whole(led.output, "gr00t_n1_5").checkpoints(0.0)] == [5, 10]

    led.output = led.output.with_name("isaac")
    led.run("gr00t_n1_6")
    whole = Whole(led.output, "gr00t_n1_6")
    assert not list(whole.checkpoints(0.0))
    (led.output / "checkpoint-10/processor.json").write_text("{}")
    assert [each.step for each in whole.checkpoints(QUIET_SECONDS)] == [5]
    assert [each.step for each in whole.checkpoints(3 * QUIET_SECONDS)] == [5, 10]
    assert [each.step for each in Whole(led.output, "gr00t_n1_6").checkpoints(0.0, ended=True)] == [5, 10]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_whole_checkpoint_becomes_ours_is_lent_to_go_on_from_and_becomes_the_model(
    led: Led, tmp_path: Path, kind: ModelType
) -> None:
    led.run(kind)
    ours = tmp_path / "attempt-1"

    kept = [adopt(each, ours, 1) for each in written(led.output, kind)]

    assert [each.path.name for each in kept] == ["checkpoint-5", "checkpoint-10"]
    assert not written(led.output, kind)
    lent = lend(kept[1], tmp_path / "next", kind)
    assert lent.resolve() == kept[1].path
    assert not written(tmp_path / "next", kind), "what is lent is not written anew"
    take_model(kept[1], tmp_path / "model", kind)
    assert [each.name for each in (tmp_path / "model").iterdir()] == ["config.json"]


def test_the_newest_sound_checkpoint_is_finished_and_put_in_place(led: Led, tmp_path: Path) -> None:
    run, workspace = groot_run("gr00t_n1_5", output={}), Workspace(tmp_path / "workspace")
    take_fence(workspace.fence, run.job, run.attempt)
    with pytest.raises(UserError, match="no sound checkpoint"):
        finish_newest(run, workspace, led.course)
    led.run("gr00t_n1_5")
    for each in written(led.output, "gr00t_n1_5"):
        checkpoint = adopt(each, workspace.attempt_checkpoints(1), 1)
        mark_complete(checkpoint, Mark("2026-11-22T12:00:00+00:00", metrics={"loss": 1.0}), workspace.fence)
    led.course.begin(0)
    led.course.planned(STEPS, 0)
    led.course.stopped_by = "deadline"

    verdict = finished(run, workspace, led.course)

    assert (verdict.result, verdict.message) == ("deadline", "trained 10 of 12 steps; the training hours are used up")
    assert verdict.artifact
    assert verdict.artifact.files == ("config.json",)
    assert (workspace.model / "config.json").is_file()
    assert [each.step for each in all_checkpoints(workspace.checkpoints)] == [10, 5]


def test_what_a_child_started_ends_with_it(led: Led, tmp_path: Path) -> None:
    """GR00T's launchers start a process for each GPU."""
    led.newest = 1
    led.course.obey(Reply(stop=True))
    place = tmp_path / "pid"
    script = (
        "import subprocess, sys, pathlib; "
        "c = subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait()']); "
        f"pathlib.Path({str(place)!r}).write_text(str(c.pid)); c.wait()"
    )
    watching = Watching(led.lines.append, lambda: int(place.exists() and place.stat().st_size > 0))

    run_child([sys.executable, "-c", script], os.environ, led.course, watching)

    assert led.course.stopped_by == "stopped"
    pid = int(place.read_text())
    wait_until(lambda: not _lives(pid))


def _lives(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False

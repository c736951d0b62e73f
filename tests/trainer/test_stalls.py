"""A training that hangs is found out by PID 1, whatever it hangs in; one that is only slow is left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import CHECKOUT, run_document
from tests.trainer.real_trainer import WITHIN, Job, Trainer, children
from trainer.contract.progress import Activity
from trainer.signs import Sign, Signs, own_signs, read_signs
from trainer.stalls import LONGEST_LOOK, StallWatch, innermost_frames, patience


def looked_at(watch: StallWatch, signs: dict[str, Sign], seconds: range) -> list[str]:
    """What a watch that looks every second says."""
    found = (watch.look(signs, float(second)) for second in seconds)
    return [end.message for end in found if end is not None]


def test_a_training_without_a_step_for_as_long_as_allowed_has_stalled() -> None:
    watch = StallWatch(60.0, now=0.0)
    signs = {"signs-0": Sign(7, "step", 120), "signs-1": Sign(7, "step", 120)}
    assert looked_at(watch, signs, range(1, 61)) == []
    said = looked_at(watch, signs, range(61, 62))
    assert said == [
        "no sign of life for 60 s after step 120: the training hangs; the log has the stacks of all processes"
    ]


def test_any_process_that_gets_on_is_a_sign_that_all_do() -> None:
    watch = StallWatch(60.0, now=0.0)
    for count in range(10):
        signs = {"signs-0": Sign(7, "step", 120), "signs-1": Sign(count, "step", 120)}
        assert looked_at(watch, signs, range(50 * count, 50 * count + 50)) == []


@pytest.mark.parametrize("activity", ["loading", "evaluation", "save", "finishing"])
def test_what_is_no_step_may_take_three_times_as_long(activity: Activity) -> None:
    watch = StallWatch(60.0, now=0.0)
    signs = {"signs-0": Sign(1, activity, 10)}
    assert looked_at(watch, signs, range(1, 181)) == []
    assert len(looked_at(watch, signs, range(181, 182))) == 1
    assert (patience(activity, 60.0), patience("step", 60.0)) == (180.0, 60.0)


def test_a_process_that_never_gave_a_sign_is_still_loading() -> None:
    watch = StallWatch(10.0, now=0.0)
    assert looked_at(watch, {}, range(1, 30)) == []
    assert "while model and data were loaded" in looked_at(watch, {}, range(30, 31))[0]


def test_the_time_in_which_the_whole_pod_was_frozen_does_not_count() -> None:
    watch = StallWatch(60.0, now=0.0)
    signs = {"signs-0": Sign(1, "step", 10)}
    assert watch.look(signs, 1.0) is None
    assert watch.look(signs, 4000.0) is None
    assert looked_at(watch, signs, range(4001, 4001 + 60 - int(LONGEST_LOOK) - 1)) == []


def test_without_a_limit_nobody_watches() -> None:
    watch = StallWatch(None, now=0.0)
    assert looked_at(watch, {"signs-0": Sign(1, "step", 10)}, range(1, 5000)) == []


def test_the_verdict_shows_where_the_main_thread_hangs() -> None:
    frames = [f'  File "x.py", line {number} in f' for number in range(20)]
    log = ["step 1", "Thread 0x7 (most recent call first):", *frames, "Current thread 0x8 (most recent call first):"]
    assert innermost_frames([*log, *frames], 3) == [log[-1], *frames[:2]]
    assert innermost_frames(["one", "two", "three"], 2) == ["two", "three"]


def test_signs_reach_whoever_reads_their_folder(tmp_path: Path) -> None:
    first, second = (own_signs(tmp_path, {"LOCAL_RANK": rank}) for rank in ("0", "1"))
    first.give("evaluation", 120)
    first.give("step", 7)
    second.give("save", 7)
    (tmp_path / "signs-9").write_text("½ a line")
    assert read_signs(tmp_path) == {"signs-0": Sign(2, "step", 7), "signs-1": Sign(1, "save", 7)}


def test_signs_that_tell_nothing_new_are_given_once_in_a_while(tmp_path: Path) -> None:
    signs = own_signs(tmp_path, {})
    for _ in range(1000):
        signs.give("loading", 0)
    assert read_signs(tmp_path)["signs-0"].count < 10


def test_a_process_that_nobody_watches_gives_no_signs() -> None:
    Signs(None).give("step", 1)
    own_signs(None, {}).give("step", 1)


@pytest.mark.parametrize("way", ["holding", "waiting"])
def test_a_process_that_hangs_in_c_code_is_ended_and_its_stacks_are_in_the_log(tmp_path: Path, way: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(run_document(limits={"trainingSeconds": 60, "stallSeconds": 2})))
    command = [sys.executable, "-m", "tests.trainer.hanging", str(tmp_path / "run.json"), str(tmp_path), way]
    path = {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'trainer-image'}"}
    done = subprocess.run(command, env={**os.environ, **path}, capture_output=True, text=True, timeout=60, check=True)
    *said, ended = done.stdout.splitlines()
    seen = json.loads(ended)
    assert (seen["codes"], seen["code"]) == ([-signal.SIGKILL], "Stalled")
    assert "after step 120: the training hangs" in seen["message"]
    assert any("in a_step_that_hangs" in line for line in said), said
    assert any(line.startswith("process ") and " is in state " in line for line in said), said


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
def test_a_training_whose_processes_wait_for_one_that_is_stopped_ends_to_be_tried_again(
    job: Job, trainer: Trainer
) -> None:
    if not trainer.shares_loopback:
        pytest.skip("the processes of a container are not this host's to stop")
    pods = job.nodes(2)
    changes = {"hardware__nodes": 2, "hyperparameters__steps": 100_000, "limits__stallSeconds": 20}
    processes = [pod.start("train", changes) for pod in pods]
    wait_until(lambda: job.workspace.metrics.exists() and len(job.losses()) >= 3, within=WITHIN)
    (stopped,) = children(processes[1].pid)
    os.kill(stopped, signal.SIGSTOP)
    first, second = (pod.end(process) for pod, process in zip(pods, processes, strict=True))
    assert (first.exit_code, second.exit_code) == (75, 75), first.output + second.output
    # Whoever is found out first is killed, which the other may notice before its own time is up.
    codes = {first.verdict["code"], second.verdict["code"]}
    assert "Stalled" in codes
    assert codes <= {"Stalled", "PeerLost"}
    hung = first if first.verdict["code"] == "Stalled" else second
    assert "no sign of life for 20 s after step" in str(hung.verdict["message"])
    if hung is first:
        assert "backends/trl/train.py" in hung.output
        assert "most recent call first" in str(hung.verdict["lines"][0])  # type: ignore[index]
    else:
        assert f"process {stopped} is in state T (stopped)" in hung.output

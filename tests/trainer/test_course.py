"""The course of a training: seconds, pace, wishes and what a reply changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer.documents import run_document
from tests.trainer.test_workspace import JOB
from trainer.contract.progress import Progress, Reply, parse_reply, progress_body
from trainer.contract.run import parse_run
from trainer.training.clock import Reading, TrainingClock
from trainer.training.course import Course
from trainer.training.interruption import Interruption
from trainer.training.session import in_charge, open_course
from trainer.training.wish import Wish, decided, vote
from trainer.workspace.fence import take_fence
from trainer.workspace.layout import Workspace
from trainer.workspace.ledger import Ledger, read_ledger, write_ledger
from trainer.workspace.marker import Mark

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Watch:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def course(watch: Watch, used: float = 0.0, budget: float = 100.0, run: int = 0) -> Course:
    clock = TrainingClock(used, budget, watch)
    return Course(Progress(attempt=1, activity="loading"), clock, Interruption(lambda: None), run=run)


def test_only_training_counts_and_earlier_attempts_do_too() -> None:
    watch = Watch()
    clock = TrainingClock(used_before=30.0, budget=100.0, monotonic=watch)
    watch.now += 500
    assert clock.seconds == 30
    clock.start()
    watch.now += 20
    assert (clock.seconds, clock.reading.share, clock.reading.used_up) == (50, 0.5, False)
    clock.stop()
    watch.now += 500
    assert clock.seconds == 50


def test_pace_and_remaining_time_come_from_this_attempt_alone() -> None:
    watch = Watch()
    running = course(watch, used=60.0)
    running.planned(total_steps=20, total_epochs=4)
    running.begin(step=10)
    watch.now += 8
    running.advance(step=14, epoch=2.8, trained_tokens=700)
    body = progress_body(running.progress, NOON)
    assert body["trainerStatus"] == {
        "metrics": [],
        "lastUpdatedTime": "2026-11-21T12:00:00Z",
        "progressPercentage": 70,
        "estimatedRemainingSeconds": 12,
    }
    assert running.position.training_seconds == 68


def test_the_training_goes_on_until_something_ends_it() -> None:
    watch = Watch()
    running = course(watch, budget=10.0)
    running.begin(step=0)
    assert running.wish() == "go on"
    watch.now += 10
    assert running.wish() == "deadline"
    running.obey(Reply(budget_seconds=60))
    assert running.wish() == "go on"
    running.obey(Reply(stop=True))
    running.obey(Reply())
    assert running.wish() == "stopped"
    running.interruption.asked = True
    assert running.wish() == "terminated"


def test_a_process_follows_the_first_ones_clock_and_budget() -> None:
    watch = Watch()
    follower = course(watch, budget=10.0)
    follower.begin(step=0)
    watch.now += 30
    assert follower.wish() == "deadline"
    follower.settle(Reading(seconds=28.0, budget=60.0), own=False)
    watch.now += 4
    assert follower.wish() == "go on"
    assert follower.clock.reading == Reading(seconds=32.0, budget=60.0)
    assert follower.reading == Reading(seconds=28.0, budget=60.0)


def test_the_first_process_loses_no_time_by_agreeing() -> None:
    watch = Watch()
    leader = course(watch)
    leader.begin(step=0)
    watch.now += 5
    reading = leader.clock.reading
    watch.now += 3  # the others were waited for
    leader.settle(reading, own=True)
    assert (leader.reading.seconds, leader.clock.seconds) == (5, 8)


def agreed(*wishes: Wish) -> Wish:
    votes = [vote(wish, first=index == 0) for index, wish in enumerate(wishes)]
    return decided([max(place) for place in zip(*votes, strict=True)])


def test_only_the_first_processs_view_of_the_budget_counts() -> None:
    leader = Wish("go on", save=False, reading=Reading(100.0, 7200.0))
    behind = Wish("deadline", save=True, reading=Reading(130.0, 60.0))
    assert agreed(leader, behind, behind) == leader
    assert agreed(behind, leader) == behind


def test_a_signal_to_any_process_ends_all() -> None:
    leader = Wish("deadline", save=False, reading=Reading(100.0, 90.0))
    asked = Wish("terminated", save=False, reading=Reading(3.0, 90.0))
    assert agreed(leader, asked) == Wish("terminated", save=False, reading=leader.reading)


def test_the_ledger_never_goes_back_when_two_threads_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    running = course(ticking := Watch())
    running.begin(step=0)
    kept: list[float] = []

    def keep(_: int) -> None:
        ticking.now += 1
        running.keep_ledger(path)
        kept.append(read_ledger(path, 0).training_seconds)

    with ThreadPoolExecutor(max_workers=2) as threads:
        list(threads.map(keep, range(200)))
    assert kept[-1] == running.clock.seconds == 200


def test_what_an_attempt_lost_is_wasted_and_not_charged_twice_when_the_next_ones_start_at_the_same_checkpoint() -> None:
    saved = Mark("noon", run=0, training_seconds=60.0)
    second = course(Watch(), used=100.0)
    second.goes_on_from(saved)
    assert second.position.wasted_seconds == 40
    third = course(Watch(), used=130.0)
    third.goes_on_from(saved)
    assert third.position.wasted_seconds == 70
    later = course(Watch(), used=170.0)
    later.goes_on_from(Mark("noon", run=0, training_seconds=150.0, wasted_seconds=40.0))
    assert later.position.wasted_seconds == 60


def test_without_a_checkpoint_of_its_own_a_run_has_wasted_all_that_it_used() -> None:
    for mark in (None, Mark("noon", run=0, training_seconds=500.0)):
        running = course(Watch(), used=30.0, run=1)
        running.goes_on_from(mark)
        assert running.position.wasted_seconds == 30
    fresh = course(Watch(), run=1)
    fresh.goes_on_from(Mark("noon", run=0, training_seconds=500.0))
    assert fresh.position.wasted_seconds == 0


def test_the_ledger_says_of_which_run_what_was_wasted_and_the_budget_that_the_operator_raised(tmp_path: Path) -> None:
    running = course(Watch(), used=30.0, run=2)
    running.goes_on_from(None)
    running.obey(Reply(budget_seconds=7200))
    running.keep_ledger(tmp_path / "ledger.json")
    assert read_ledger(tmp_path / "ledger.json", 2) == Ledger(2, 30.0, 30.0, 7200.0)


def test_another_pod_of_an_attempt_keeps_the_budget_that_an_earlier_one_was_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_ledger(workspace.ledger, Ledger(0, 50.0, 0.0, 7200.0))
    take_fence(workspace.fence, JOB, 1)

    def budget(**changes: object) -> float:
        run = parse_run(run_document("train", limits={"trainingSeconds": 3600}, **changes))
        return open_course(run, Workspace(tmp_path, run.number), Interruption(lambda: None)).clock.budget

    assert budget(attempt=1) == 7200
    assert budget(attempt=2) == 3600
    assert budget(attempt=1, run=1) == 3600


def test_an_attempt_that_was_taken_over_leaves_the_ledger_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = parse_run(run_document("train", paths__workspace=str(tmp_path)))
    workspace = Workspace(tmp_path)
    running = open_course(run, workspace, Interruption(lambda: None))
    with in_charge(run, workspace, running, {}):
        wait_until(workspace.ledger.exists)
        take_fence(workspace.fence, run.job, 2)
        write_ledger(workspace.ledger, Ledger(1, 5.0))
    assert read_ledger(workspace.ledger, 1) == Ledger(1, 5.0)
    assert "attempt 2 has taken over" in capsys.readouterr().out


def test_metrics_are_kept_until_they_are_replaced() -> None:
    running = course(Watch())
    running.measured({"firstLoss": 4.5, "loss": 4.5})
    running.measured({"loss": 3.0, "evalLoss": float("nan")})
    assert progress_body(running.progress, NOON)["finetune"]["metrics"] == {"firstLoss": 4.5, "loss": 3.0}  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        (b'{"budgetSeconds": 7200, "stop": false}', Reply(budget_seconds=7200)),
        (b'{"stop": true, "news": 1}', Reply(stop=True)),
        (b'{"reportSeconds": 100}', Reply(report_seconds=100)),
        (b'{"reportSeconds": "often"}', Reply()),
        (b"", Reply()),
        (b"<html>", Reply()),
        (b"[]", Reply()),
        (b'{"budgetSeconds": -1, "stop": "yes"}', Reply()),
        (b'{"budgetSeconds": true}', Reply()),
        (b'{"budgetSeconds": NaN}', Reply()),
    ],
)
def test_a_reply_asks_for_what_makes_sense_and_for_nothing_else(body: bytes, reply: Reply) -> None:
    assert parse_reply(body) == reply

"""The newest report of each job, and who hears of it when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Required, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.cluster.bucket import TokenBucket
from finetune_operator.cluster.resources import Key
from finetune_operator.planning.progress import Activity, Checkpoint, LogLine, Progress
from finetune_operator.reconciler.progress.inbox import Inbox
from finetune_operator.reconciler.progress.reporter import Reporter
from tests.unit.progress.stories import JOB_UID, KEY, START, Clock


class Report(TypedDict, total=False):
    """What a test offers."""

    step: Required[int]
    pod: str
    attempt: int


@dataclass
class Desk:
    """An inbox with its clock, when its news is wanted, and what it passed on. ``interval`` 0: every report is told."""

    interval: float = 0
    clock: Clock = field(default_factory=Clock)
    told: list[float] = field(default_factory=list)
    taken: list[Progress] = field(default_factory=list)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = Inbox(
            self.interval,
            self._hear,
            self.clock.monotonic,
            self.clock.now,
            on_taken=lambda _, report: self.taken.append(report),
        )

    def _hear(self, key: Key, after: float) -> None:
        assert key == KEY
        self.told.append(self.clock.seconds + after)

    def offer(
        self,
        step: int,
        *,
        attempt: int = 1,
        pod: str = "a",
        seconds: float | None = None,
        activity: Activity = "step",
        checkpoints: tuple[Checkpoint, ...] | None = None,
    ) -> bool:
        reporter = Reporter(KEY, JOB_UID, attempt, pod, START + timedelta(minutes=ord(pod[0])))
        progress = Progress(
            attempt, pod, step, self.clock.now(), activity, training_seconds=seconds, checkpoints=checkpoints
        )
        return self.inbox.offer(reporter, progress)

    @property
    def newest(self) -> Progress:
        progress = self.inbox.newest(JOB_UID)
        assert progress is not None
        return progress


def test_nothing_is_known_of_a_job_that_never_reported() -> None:
    assert Desk().inbox.newest(JOB_UID) is None


def test_a_lower_step_of_the_same_pod_is_dropped() -> None:
    desk = Desk()
    assert desk.offer(7)
    assert not desk.offer(6)
    assert desk.newest.step == 7


def test_the_same_step_again_is_a_sign_of_life() -> None:
    desk = Desk()
    desk.offer(7)
    desk.clock.pass_(5)
    assert desk.offer(7)
    assert desk.newest.received_at == START + timedelta(seconds=5)


def test_a_later_attempt_begins_at_a_lower_step_and_the_earlier_one_is_not_heard_again() -> None:
    desk = Desk()
    desk.offer(90)
    assert desk.offer(60, attempt=2, pod="b")
    assert not desk.offer(91)
    assert (desk.newest.attempt, desk.newest.step) == (2, 60)


def test_a_later_pod_of_the_same_attempt_goes_on_from_its_checkpoint() -> None:
    desk = Desk()
    desk.offer(90, pod="a")
    assert desk.offer(60, pod="b")
    assert not desk.offer(91, pod="a")
    assert (desk.newest.pod_uid, desk.newest.step) == ("b", 60)


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abc"), st.integers(0, 20)), min_size=1))
def test_whatever_arrives_in_whatever_order_what_is_held_never_goes_back(reports: list[tuple[int, str, int]]) -> None:
    desk = Desk()
    for attempt, pod, step in reports:
        desk.offer(step, attempt=attempt, pod=pod)
    newest = desk.newest
    assert (newest.attempt, newest.pod_uid, newest.step) == max(reports)


def test_news_is_told_at_once_and_then_once_per_interval() -> None:
    desk = Desk(interval=15)
    for step in range(1, 11):
        desk.offer(step)
        desk.clock.pass_(5)
    assert desk.told == [1000, 1015, 1030, 1045, 1060]


def test_news_after_a_long_silence_is_told_at_once() -> None:
    desk = Desk(interval=15)
    desk.offer(1)
    desk.clock.pass_(100)
    desk.offer(2)
    assert desk.told == [1000, 1100]


def test_a_dropped_report_is_no_news() -> None:
    desk = Desk(interval=15)
    desk.offer(7)
    desk.clock.pass_(100)
    desk.offer(6)
    assert len(desk.told) == 1


def test_between_two_pieces_of_news_a_status_has_nothing_new_to_tell_but_the_sign_of_life() -> None:
    desk = Desk(interval=15)
    desk.offer(1)
    for _ in range(2):
        desk.clock.pass_(5)
        desk.offer(2)
    assert (desk.newest.step, desk.newest.as_of) == (1, START)
    assert desk.newest.received_at == START + timedelta(seconds=10)
    desk.clock.pass_(5)
    assert (desk.newest.step, desk.newest.as_of) == (2, START + timedelta(seconds=10))


def test_what_was_due_may_be_told_although_the_next_report_has_come() -> None:
    desk = Desk(interval=15)
    for step in (1, 2, 3, 4):
        desk.offer(step)
        desk.clock.pass_(7)
    assert desk.told == [1000, 1015, 1030]
    assert desk.newest.step == 3


def test_who_looks_too_early_learns_when_to_look_again() -> None:
    desk = Desk(interval=15)
    assert desk.inbox.awaited(JOB_UID) is None
    desk.offer(1)
    assert desk.inbox.awaited(JOB_UID) is None
    desk.clock.pass_(5)
    desk.offer(2)
    assert desk.inbox.awaited(JOB_UID) == 10
    desk.clock.pass_(10)
    assert desk.inbox.awaited(JOB_UID) is None


@pytest.mark.parametrize(
    "report",
    [{"step": 5, "pod": "b"}, {"step": 5, "pod": "b", "attempt": 2}],
    ids=["another pod", "another attempt"],
)
def test_a_transition_is_told_at_once(report: Report) -> None:
    desk = Desk(interval=15)
    desk.offer(4)
    desk.clock.pass_(1)
    assert desk.offer(**report)
    assert desk.told == [1000, 1001]
    assert desk.newest.step == 5


def test_the_first_step_is_told_at_once_and_the_second_is_not() -> None:
    desk = Desk(interval=15)
    for step in (0, 0, 1, 2):
        desk.offer(step)
        desk.clock.pass_(1)
    assert desk.told == [1000, 1015, 1002]


def test_what_decisions_rest_on_is_known_at_once_and_told_with_the_next_news() -> None:
    desk = Desk(interval=15)
    desk.offer(1)
    desk.offer(2, activity="evaluation")
    assert desk.told == [1000, 1015]
    assert desk.newest.activity == "evaluation"


def test_of_one_pod_the_training_time_never_shrinks() -> None:
    desk = Desk()
    desk.offer(1, seconds=100)
    desk.offer(2, seconds=90)
    desk.offer(3)
    assert desk.newest.training_seconds == 100
    desk.offer(1, seconds=5, attempt=2, pod="b")
    assert desk.newest.training_seconds == 5


def test_checkpoints_that_did_not_change_are_held_once() -> None:
    desk = Desk()
    desk.offer(1, checkpoints=(Checkpoint(1, 1, "c"),))
    first = desk.newest.checkpoints
    desk.offer(2, checkpoints=(Checkpoint(1, 1, "c"),))
    assert desk.newest.checkpoints is first


def test_log_lines_are_passed_on_and_not_held() -> None:
    desk = Desk()
    reporter = Reporter(KEY, JOB_UID, 1, "a", START)
    line = LogLine(START, "info", "hello")
    desk.inbox.offer(reporter, Progress(1, "a", 2, START, log_lines=(line,)))
    assert not desk.inbox.offer(reporter, Progress(1, "a", 1, START, log_lines=(line,)))
    assert [report.log_lines for report in desk.taken] == [(line,)]
    assert desk.newest.log_lines == ()


class Office:
    """An inbox of many jobs, and how often each was told of."""

    def __init__(self, rate: float) -> None:
        self.clock = Clock()
        self.told: list[tuple[float, str]] = []
        self.inbox = Inbox(
            15, self._hear, self.clock.monotonic, self.clock.now, TokenBucket(rate, int(rate), self.clock.monotonic)
        )

    def _hear(self, key: Key, after: float) -> None:
        self.told.append((self.clock.seconds + after, key.name))

    def offer(self, name: str, step: int) -> None:
        reporter = Reporter(Key("ns", name), name, 1, name, START)
        self.inbox.offer(reporter, Progress(1, name, step, self.clock.now()))

    def between(self, start: float, end: float) -> int:
        return sum(start <= at < end for at, _ in self.told)


def test_of_a_thousand_jobs_no_more_is_told_than_the_setting_and_everyone_has_a_turn() -> None:
    office, names = Office(rate=10), [f"j{number}" for number in range(1000)]
    for step in range(1, 61):
        for name in names:
            office.offer(name, step)
        office.clock.pass_(5)
    assert office.between(1000, 1300) <= 10 * 300 + 10
    assert office.between(1100, 1300) >= 10 * 200 * 0.95
    assert max(office.between(start, start + 10) for start in range(1000, 1300, 10)) <= 10 * 10 + 10
    assert {name for at, name in office.told if 1150 <= at < 1300} == set(names)


def test_a_first_step_does_not_wait_behind_the_progress_of_others() -> None:
    office = Office(rate=1)
    office.offer("new", 0)
    for number in range(1000):
        office.offer(f"j{number}", 1)
    office.clock.pass_(1)
    office.offer("new", 1)
    assert office.told[-1] == (1001, "new")


def test_a_forgotten_job_leaves_nothing_behind() -> None:
    desk = Desk()
    desk.offer(7)
    desk.inbox.forget(JOB_UID)
    desk.inbox.forget("never known")
    assert desk.inbox.newest(JOB_UID) is None
    assert len(desk.inbox) == 0


def test_the_pace_is_the_plain_mean_at_the_start() -> None:
    desk = Desk()
    desk.offer(1)
    desk.clock.pass_(10)
    desk.offer(6)
    assert desk.newest.seconds_per_step == pytest.approx(2)


def test_the_pace_does_not_count_loading_before_the_first_step() -> None:
    desk = Desk()
    desk.offer(0)
    desk.clock.pass_(300)
    desk.offer(2)
    assert desk.newest.seconds_per_step is None
    desk.clock.pass_(4)
    desk.offer(4)
    assert desk.newest.seconds_per_step == pytest.approx(2)


def test_the_pace_follows_a_change_within_minutes() -> None:
    desk = Desk()
    for _ in range(200):
        desk.clock.pass_(5)
        desk.offer(1 if desk.inbox.newest(JOB_UID) is None else desk.newest.step + 5)
    for _ in range(200):
        desk.clock.pass_(5)
        desk.offer(desk.newest.step + 1)
    assert desk.newest.seconds_per_step == pytest.approx(5, rel=0.05)


def test_the_pace_goes_by_training_seconds_where_they_are_told() -> None:
    desk = Desk()
    desk.offer(1, seconds=100)
    desk.clock.pass_(60)
    desk.offer(11, seconds=120)
    assert desk.newest.seconds_per_step == pytest.approx(2)


def test_a_stepped_clock_does_not_make_the_pace_negative() -> None:
    desk = Desk()
    desk.offer(1)
    desk.clock.pass_(-3600)
    desk.offer(2)
    assert desk.newest.seconds_per_step is None


def test_a_new_pod_starts_a_new_pace() -> None:
    desk = Desk()
    desk.offer(1)
    desk.clock.pass_(10)
    desk.offer(2)
    desk.offer(1, attempt=2, pod="b")
    assert desk.newest.seconds_per_step is None


@pytest.mark.parametrize("hours", [1, -1])
def test_what_was_heard_keeps_its_age_when_the_clock_is_set(hours: int) -> None:
    desk = Desk()
    desk.offer(7)
    desk.clock.pass_(20)
    desk.clock.set_by = hours * 3600
    assert desk.clock.now() - desk.newest.received_at == timedelta(seconds=20)
    assert desk.inbox.last_heard(JOB_UID) == desk.newest.received_at


def test_a_clock_that_is_corrected_little_by_little_changes_no_report() -> None:
    desk = Desk()
    desk.offer(7)
    before = desk.newest
    desk.clock.set_by = 1.5
    assert desk.newest is before

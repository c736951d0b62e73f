"""The newest report of each job, and who hears of it when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.cluster.resources import Key
from finetune_operator.planning.progress import Progress
from finetune_operator.reconciler.progress.inbox import Inbox
from finetune_operator.reconciler.progress.reporter import Reporter
from tests.unit.progress.stories import JOB_UID, KEY, START, Clock


@dataclass
class Desk:
    """An inbox with its clock, and when its news is wanted."""

    clock: Clock = field(default_factory=Clock)
    told: list[float] = field(default_factory=list)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        self.inbox = Inbox(15, self._hear, self.clock.monotonic)

    def _hear(self, key: Key, after: float) -> None:
        assert key == KEY
        self.told.append(self.clock.seconds + after)

    def offer(self, step: int, *, attempt: int = 1, pod: str = "a", seconds: float | None = None) -> bool:
        reporter = Reporter(KEY, JOB_UID, attempt, pod, START + timedelta(minutes=ord(pod[0])))
        received = self.clock.now()
        return self.inbox.offer(reporter, Progress(attempt, pod, step, received, training_seconds=seconds))

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
    desk = Desk()
    for step in range(1, 11):
        desk.offer(step)
        desk.clock.pass_(5)
    assert desk.told == [1000, 1015, 1030, 1045, 1060]


def test_news_after_a_long_silence_is_told_at_once() -> None:
    desk = Desk()
    desk.offer(1)
    desk.clock.pass_(100)
    desk.offer(2)
    assert desk.told == [1000, 1100]


def test_a_dropped_report_is_no_news() -> None:
    desk = Desk()
    desk.offer(7)
    desk.clock.pass_(100)
    desk.offer(6)
    assert len(desk.told) == 1


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

"""What a run used, in parts: queued, preparing, training, wasted, GPU seconds; nothing twice and nothing lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_operator.api.course import Usage
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.records import attempts_of
from finetune_operator.planning.stand import stand
from tests.unit.planning.scene import (
    a_job,
    at,
    ended,
    ended_pod,
    in_its_run,
    in_run,
    pushed,
    resolved_for,
    running_pod,
    scene,
    stage_job,
    told,
    verdict,
)

EIGHT = {"gpu": {"count": 8}, "pricePerHour": 3.6, "currency": "EUR"}
REPORT = {"rows": 48, "tokens": 1932}


class Meter:
    """A job on a node of eight GPUs, looked at again and again."""

    def __init__(self, **spec: object) -> None:
        job = a_job(spec)
        self.spec = spec
        self.status = FineTuneJobStatus(resolved=resolved_for(job, **EIGHT))

    def reads(self, *children: Json | tuple[Json, ...], now: float = 0, beside: Beside | None = None) -> Usage:
        """What the status says after a look at these Jobs and pods."""
        self.status = told(scene(a_job(self.spec, self.status), *children, now=at(now), beside=beside))
        assert self.status.usage is not None
        return self.status.usage


def ran(attempt: int, start: float, since: float, *, code: int = 143, message: str = "") -> tuple[Json, Json]:
    """A Job that was made, ran and is over."""
    job, pod = ended(attempt=attempt, code=code, message=message)
    job["metadata"]["creationTimestamp"] = at(start).strftime("%Y-%m-%dT%H:%M:%SZ")
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["startedAt"] = at(since).strftime("%Y-%m-%dT%H:%M:%SZ")
    return job, pod


def checked() -> tuple[Json, Json]:
    """The first stage, done."""
    return ended("prepare", message=verdict(stage="prepare", report=REPORT))


def runs(attempt: int = 1, start: float = 0, since: float = 0) -> tuple[Json, Json]:
    """A Job that trains."""
    return stage_job(attempt=attempt, created=at(start)), running_pod(attempt=attempt, since=at(since))


class TestQueued:
    def test_is_counted_once_it_runs(self) -> None:
        meter = Meter()
        assert meter.reads(checked(), stage_job(), now=60).queued_seconds == 0
        assert meter.reads(checked(), runs(since=90), now=95).queued_seconds == 90
        assert meter.reads(checked(), runs(since=90), now=500).queued_seconds == 90

    def test_is_added_up_over_all_attempts(self) -> None:
        meter = Meter()
        meter.reads(checked(), runs(since=90), now=95)
        usage = meter.reads(checked(), ran(1, 0, 90), runs(2, 200, 230), now=240)
        assert usage.queued_seconds == 120

    def test_of_what_never_ran_is_its_whole_time(self) -> None:
        meter = Meter()
        meter.reads(checked(), stage_job(), now=10)
        assert meter.reads(checked(), now=70).queued_seconds == 70

    def test_of_attempts_that_are_dropped_is_kept(self) -> None:
        meter, now = Meter(backoffLimit=100), 0.0
        for number in range(1, 13):
            meter.reads(checked(), runs(number, now, now + 5), now=now + 6)
            now += 400
            meter.reads(checked(), ran(number, now - 400, now - 395, code=1), now=now)
        assert len(meter.status.attempts) == 8
        assert meter.status.usage is not None
        assert meter.status.usage.queued_seconds == 12 * 5


class TestPreparing:
    def test_is_the_time_on_cpu_before_the_training(self) -> None:
        meter = Meter()
        assert meter.reads(stage_job("prepare"), running_pod("prepare"), now=10).preparing_seconds == 0
        assert meter.reads(checked(), now=40).preparing_seconds == 40
        assert meter.reads(checked(), stage_job(created=at(41)), now=50).preparing_seconds == 40

    def test_counts_a_check_that_was_made_twice(self) -> None:
        meter = Meter()
        meter.reads(stage_job("prepare"), running_pod("prepare"), now=10)
        meter.reads(ended("prepare", code=143), now=40)
        again = stage_job("prepare", 2, created=at(50))
        meter.reads(ended("prepare", code=143), again, running_pod("prepare", 2), now=60)
        assert (
            meter.reads(checked(), ended("prepare", 2, message=verdict(stage="prepare")), now=80).preparing_seconds > 40
        )


class TestGpuSeconds:
    def test_are_counted_with_each_report_and_at_the_end(self) -> None:
        meter = Meter()
        assert meter.reads(checked(), runs(), now=5).gpu_seconds == 0
        assert meter.reads(checked(), runs(), now=30, beside=pushed(received_at=at(30))).gpu_seconds == 8 * 30
        assert meter.reads(checked(), runs(), now=45, beside=pushed(received_at=at(30))).gpu_seconds == 8 * 30
        assert meter.reads(checked(), ran(1, 0, 0), now=50, beside=pushed(received_at=at(30))).gpu_seconds == 8 * 50

    def test_of_an_attempt_whose_successor_began_in_the_same_look_are_counted(self) -> None:
        """What the platform ended is followed at once: one status tells of both."""
        meter = Meter()
        meter.reads(checked(), runs(), now=30, beside=pushed(received_at=at(30)))
        both = (checked(), ran(1, 0, 0), stage_job(attempt=2, created=at(50)))
        assert meter.reads(*both, now=50).gpu_seconds == 8 * 50
        later = (checked(), ran(1, 0, 0), runs(2, 50, 60))
        assert meter.reads(*later, now=70, beside=pushed(attempt=2, received_at=at(70))).gpu_seconds == 8 * (50 + 10)

    def test_do_not_count_what_waits(self) -> None:
        meter = Meter()
        assert meter.reads(checked(), stage_job(), now=3600).gpu_seconds == 0

    def test_do_not_count_what_waits_for_its_turn_again(self) -> None:
        """A queue took the first pod away and gave the hardware back hours later."""
        meter = Meter()
        meter.reads(checked(), runs(), now=30, beside=pushed(received_at=at(30)))
        job, again = runs(since=18000)
        again["metadata"]["uid"] = "pod-train-1-again"
        beside = pushed(pod_uid="pod-train-1-again", received_at=at(18010))
        assert meter.reads(checked(), (job, again), now=18010, beside=beside).gpu_seconds == 8 * (30 + 10)

    def test_are_of_all_nodes(self) -> None:
        meter = Meter(nodes=2, output={"accessModes": ["ReadWriteMany"]})
        assert meter.reads(checked(), runs(), now=30, beside=pushed(received_at=at(30))).gpu_seconds == 2 * 8 * 30

    def test_of_hardware_without_a_gpu_there_are_none(self) -> None:
        status = told(scene(a_job(), checked(), runs(), now=at(30), beside=pushed(received_at=at(30))))
        assert status.usage is not None
        assert status.usage.gpu_seconds == 0

    # Ten attempts are more than the status keeps; each example is forty looks.
    @settings(max_examples=20)
    @given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60), st.booleans()), min_size=1, max_size=10))
    def test_are_the_time_that_containers_ran_however_often_it_is_looked_at(
        self, attempts: list[tuple[int, int, bool]]
    ) -> None:
        meter, now, held = Meter(backoffLimit=100), 0, 0
        for number, (waits, trains, reports) in enumerate(attempts, 1):
            start, since, end = now, now + waits, now + waits + trains
            beside = pushed(attempt=number, received_at=at((since + end) // 2)) if reports else None
            meter.reads(checked(), runs(number, start, since), now=since)
            meter.reads(checked(), runs(number, start, since), now=end, beside=beside)
            for _ in range(2):
                meter.reads(checked(), ran(number, start, since, code=1), now=end, beside=beside)
            now, held = end + 1000, held + trains
        assert meter.status.usage is not None
        assert meter.status.usage.gpu_seconds == pytest.approx(8 * held)


class TestTraining:
    def test_wasted_seconds_come_with_reports_and_verdicts_and_never_shrink(self) -> None:
        meter = Meter()
        meter.reads(checked(), runs(), now=5, beside=pushed(training_seconds=100.0, wasted_seconds=20.0))
        assert meter.reads(checked(), runs(), now=9).wasted_seconds == 20
        word = verdict("retry", training_seconds=130.0, wasted_seconds=35.0)
        usage = meter.reads(checked(), ran(1, 0, 0, code=75, message=word), now=20)
        assert (usage.training_seconds, usage.wasted_seconds) == (130, 35)

    def test_cost_is_training_time_times_the_price(self) -> None:
        usage = Meter().reads(checked(), runs(), now=5, beside=pushed(training_seconds=500.0))
        assert (usage.cost, usage.currency) == (0.5, "EUR")

    def test_a_word_that_came_with_the_end_of_its_job_counts(self) -> None:
        meter = Meter()
        meter.reads(checked(), runs(), now=5)
        word = verdict("retry", training_seconds=77.0)
        gone = Beside(departed=(ended_pod(code=75, message=word),))
        assert meter.reads(checked(), now=20, beside=gone).training_seconds == 77

    def test_saying_it_twice_says_the_same(self) -> None:
        meter, beside = Meter(), pushed(training_seconds=9.0, received_at=at(9))
        first = meter.reads(checked(), runs(), now=9, beside=beside)
        assert meter.reads(checked(), runs(), now=400, beside=beside) == first


def test_what_belongs_to_a_run_before_is_not_counted_in_this_one() -> None:
    meter = Meter()
    meter.reads(checked(), runs(since=30), now=40)
    meter.reads(checked(), ran(1, 0, 30, code=64, message=verdict("userError", training_seconds=50.0)), now=90)
    assert meter.status.phase == "Failed"
    meter.spec |= {"restartGeneration": 1}
    usage = meter.reads(*in_run(1, stage_job("prepare", 2, created=at(100))), ran(1, 0, 30), now=110)
    assert usage == Usage()


def test_a_status_of_a_version_without_parts_goes_on() -> None:
    old = FineTuneJobStatus.model_validate({"usage": {"trainingSeconds": 40}})
    view = in_its_run(scene(a_job(status=old), checked(), runs(), now=at(9)))
    assert attempts_of(replace(view, now=at(10)), stand(view, None))
    assert told(view).usage == Usage(training_seconds=40, preparing_seconds=9)

"""Progress, training time and cost: the last word counts, and hours never shrink."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.api.course import Progress as Recorded
from finetune_operator.api.course import Usage
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Attempt, FineTuneJobStatus
from finetune_operator.planning.display import display_of
from finetune_operator.planning.ledger import progress_of
from finetune_operator.planning.ledger import usage_of as counted
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.records import attempts_of
from finetune_operator.planning.stand import stand
from finetune_operator.planning.standing import View
from tests.unit.planning.scene import (
    NOW,
    a_job,
    at,
    ended,
    prepared,
    pushed,
    resolved_for,
    running_pod,
    scene,
    stage_job,
    told,
    verdict,
)
from tests.unit.planning.visits import Life, Visit


def training(beside: Beside, status: FineTuneJobStatus | None = None, hours: float = 1) -> View:
    """A job that trains."""
    return scene(a_job({"hours": hours}, status), prepared(), stage_job(), running_pod(), beside=beside)


def usage_of(view: View, resolved: Resolved | None) -> Usage:
    """What the status would say was used."""
    return counted(view, resolved, attempts_of(view, stand(view, None)))


PERCENT = {
    "of the steps": (6, 18, 0, 33),
    "rounded down": (17, 18, 0, 94),
    "of the hours, when they will end first": (1, 1000, 1800, 50),
    "kept below 100 until the end is told": (18, 18, 0, 99),
    "of the hours alone, when no total is known": (5, None, 900, 25),
    "not above 99 when the budget is overdrawn": (5, 10, 7200, 99),
    "zero when nothing is known": (5, None, None, 0),
}


REMAINING = {
    "by the pace": (6, 18, 10.0, 0.5, 6),
    "by the hours, when they end first": (6, 10_000, 3590.0, 10.0, 10),
    "not below zero": (6, 10_000, 7200.0, 10.0, 0),
    "unknown without a pace": (6, 18, 10.0, None, None),
    "unknown without a total": (6, None, 10.0, 1.0, None),
}


class TestProgress:
    def test_is_nothing_before_the_first_step(self) -> None:
        assert progress_of(training(Beside())) is None
        assert progress_of(training(pushed(step=0))) is None

    @pytest.mark.parametrize(("step", "total", "seconds", "percent"), PERCENT.values(), ids=PERCENT)
    def test_is_a_percentage(self, step: int, total: int | None, seconds: float | None, percent: int) -> None:
        found = progress_of(training(pushed(step=step, total_steps=total, training_seconds=seconds)))
        assert found is not None
        assert found.percentage == percent

    @pytest.mark.parametrize(("step", "total", "seconds", "pace", "left"), REMAINING.values(), ids=REMAINING)
    def test_tells_how_long_it_will_take(
        self, step: int, total: int | None, seconds: float, pace: float | None, left: int | None
    ) -> None:
        beside = pushed(step=step, total_steps=total, training_seconds=seconds, seconds_per_step=pace)
        found = progress_of(training(beside))
        assert found is not None
        assert found.estimated_remaining_seconds == left

    def test_ends_with_the_verdicts_word_and_100_percent(self) -> None:
        word = verdict("completed", step=18, total_steps=18, metrics={"loss": 0.3})
        old = FineTuneJobStatus(
            progress=Recorded(step=17, total_epochs=3, metrics={"loss": 1.0}, last_updated_time=NOW)
        )
        found = progress_of(
            scene(a_job(status=old), prepared(), ended(message=word), beside=pushed(step=17), now=at(9))
        )
        assert found is not None
        assert (found.step, found.percentage, found.estimated_remaining_seconds) == (18, 100, 0)
        assert (found.metrics, found.total_epochs, found.last_updated_time) == ({"loss": 0.3}, 3, at(9))

    def test_keeps_the_metrics_that_a_verdict_does_not_repeat(self) -> None:
        old = FineTuneJobStatus(progress=Recorded(step=17, metrics={"loss": 1.0}, last_updated_time=NOW))
        found = progress_of(scene(a_job(status=old), prepared(), ended(message=verdict("completed", step=18))))
        assert found is not None
        assert found.metrics == {"loss": 1.0}

    def test_is_100_percent_also_when_the_hours_ended_first(self) -> None:
        word = verdict("deadline", step=7, total_steps=18)
        found = progress_of(scene(a_job(), prepared(), ended(message=word)))
        assert found is not None
        assert found.percentage == 100

    def test_of_an_attempt_that_failed_is_not_100_percent(self) -> None:
        word = verdict("retry", step=18, total_steps=18)
        found = progress_of(scene(a_job(), prepared(), ended(code=75, message=word)))
        assert found is not None
        assert found.percentage == 99

    def test_does_not_go_back_to_what_was_pushed_before_the_verdict(self) -> None:
        word = verdict("retry", step=120, total_steps=400)
        over = scene(a_job(), prepared(), ended(code=75, message=word), beside=pushed(step=118, total_steps=400))
        first = told(over)
        second = told(
            scene(a_job(status=first), prepared(), ended(code=75, message=word), stage_job(attempt=2), beside=pushed(step=118))
        )  # fmt: skip
        assert first.progress is not None
        assert second.progress == first.progress

    def test_stays_while_the_next_attempt_loads(self) -> None:
        old = FineTuneJobStatus(progress=Recorded(step=120, last_updated_time=NOW))
        found = progress_of(training(pushed(attempt=2, step=0), old))
        assert found is not None
        assert found.step == 120


BOUND_BY_HOURS: Json = {"step": 685, "total_steps": 50_000, "training_seconds": 1800.0}
"""Of one hour; of its steps it has not made two percent."""


class TestOverAResume:
    def test_hours_bind_what_a_verdict_tells_as_they_bind_what_is_pushed(self) -> None:
        life = Life()
        beside = pushed(**BOUND_BY_HOURS, seconds_per_step=2.6)
        trains = life.visit(prepared(), stage_job(), running_pod(), beside=beside)
        assert shown(trains) == ("50%", "30m")
        word = verdict("retry", **BOUND_BY_HOURS)
        life.visit(prepared(), ended(code=75, message=word), now=9, beside=beside)
        again = (prepared(), stage_job(attempt=2))
        queued = life.visit(*again, now=20, beside=beside)
        loads = life.visit(*again, running_pod(attempt=2), now=30, beside=pushed(attempt=2, step=0))
        assert [shown(queued), shown(loads)] == [("50%", None), ("50%", None)]

    def test_nothing_falls_while_lost_steps_are_trained_again(self) -> None:
        life = Life()
        life.visit(prepared(), stage_job(), running_pod(), beside=pushed(step=100, total_steps=200))
        life.visit(prepared(), ended(code=137), now=9)
        again = (prepared(), stage_job(attempt=2), running_pod(attempt=2))
        for step, percent in ((80, "50%"), (81, "50%"), (120, "60%")):
            seen = life.visit(*again, now=60 + step, beside=pushed(attempt=2, step=step, total_steps=200))
            assert shown(seen)[0] == percent

    def test_no_time_is_promised_after_its_job_was_deleted(self) -> None:
        life = Life()
        life.visit(prepared(), stage_job(), running_pod(), beside=pushed(**BOUND_BY_HOURS, seconds_per_step=2.6))
        gone = life.visit(prepared(), now=9)
        assert shown(gone) == ("50%", None)
        assert gone.status.progress is not None
        assert gone.status.progress.estimated_remaining_seconds is None

    @pytest.mark.parametrize("heard", [True, False], ids=["the trainer reports", "the operator is new"])
    def test_it_falls_when_there_is_more_to_do(self, heard: bool) -> None:  # noqa: FBT001 - a case of the test
        life, there = Life(), (prepared(), stage_job(), running_pod())
        beside = pushed(**BOUND_BY_HOURS)
        assert shown(life.visit(*there, beside=beside))[0] == "50%"
        life.asks(hours=2)
        assert shown(life.visit(*there, now=9, beside=beside if heard else None))[0] == "25%"
        assert shown(life.visit(*there, now=15, beside=pushed(**BOUND_BY_HOURS)))[0] == "25%"

    def test_it_falls_when_more_steps_are_planned(self) -> None:
        life, there = Life(), (prepared(), stage_job(), running_pod())
        life.visit(*there, beside=pushed(step=100, total_steps=200))
        assert shown(life.visit(*there, now=9, beside=pushed(step=100, total_steps=1000)))[0] == "10%"


def shown(seen: Visit) -> tuple[str | None, str | None]:
    """Percentage and remaining time, as kubectl get shows them."""
    display = seen.status.display
    assert display is not None
    return display.progress, display.eta


class TestHours:
    @given(old=st.floats(0, 1e6), new=st.none() | st.floats(0, 1e6))
    def test_never_shrink(self, old: float, new: float | None) -> None:
        before = FineTuneJobStatus(usage=Usage(training_seconds=round(old, 1)))
        view = training(pushed(training_seconds=new), before)
        assert usage_of(view, None).training_seconds >= round(old, 1)

    def test_count_what_is_pushed_and_what_the_verdict_says_whichever_is_more(self) -> None:
        word = verdict("completed", step=18, training_seconds=12.5)
        for seconds, most in ((11.0, 12.5), (13.0, 13.0)):
            view = scene(a_job(), prepared(), ended(message=word), beside=pushed(training_seconds=seconds))
            assert usage_of(view, None).training_seconds == most

    def test_cost_what_the_instance_type_says(self) -> None:
        job = a_job()
        resolved = resolved_for(job, pricePerHour=2.4, currency="EUR")
        used = usage_of(training(pushed(training_seconds=900.0)), resolved)
        assert (used.cost, used.currency) == (0.6, "EUR")

    def test_cost_nothing_where_no_price_is_known(self) -> None:
        used = usage_of(training(pushed(training_seconds=900.0)), resolved_for(a_job()))
        assert (used.cost, used.currency) == (None, None)


class TestTheColumns:
    @pytest.mark.parametrize(
        ("loss", "shown"), [(2.456789, "2.457"), (0.1 + 0.2, "0.3"), (1e-7, "1e-07"), (12345.6, "1.235e+04")]
    )
    def test_show_four_digits_of_the_loss(self, loss: float, shown: str) -> None:
        progress = Recorded(step=1, metrics={"loss": loss}, last_updated_time=NOW)
        assert display_of(scene(a_job()), None, progress, Usage()).loss == shown

    @pytest.mark.parametrize(
        ("seconds", "hours", "shown"), [(0, 168, "0.00/168"), (1800, 0.5, "0.50/0.5"), (5400, 6, "1.50/6")]
    )
    def test_show_the_hours_used_of_those_given(self, seconds: float, hours: float, shown: str) -> None:
        assert display_of(scene(a_job({"hours": hours})), None, None, Usage(training_seconds=seconds)).hours == shown

    @pytest.mark.parametrize(
        ("cost", "most", "shown"),
        [
            (0, None, "0.00 EUR"),
            (0.000123, None, "0.00012 EUR"),
            (0.0051, None, "0.0051 EUR"),
            (0.0512, None, "0.051 EUR"),
            (0.512, None, "0.51 EUR"),
            (409.876, None, "409.88 EUR"),
            (0.0051, 0.008, "0.0051/0.008 EUR"),
            (1.5, 20, "1.50/20 EUR"),
            (1.5, 1_000_000_000, "1.50/1000000000 EUR"),
        ],
    )
    def test_show_the_cost_with_digits_that_say_something_and_its_limit(
        self, cost: float, most: float | None, shown: str
    ) -> None:
        job = a_job({} if most is None else {"maxCost": most})
        assert display_of(scene(job), None, None, Usage(cost=cost, currency="EUR")).cost == shown

    def test_show_nothing_of_a_training_that_has_not_begun(self) -> None:
        display = display_of(scene(a_job()), None, None, Usage())
        assert (display.progress, display.loss) == (None, None)

    def test_show_the_latest_attempt_also_when_its_job_was_removed(self) -> None:
        removed = Attempt(stage="train", number=1, job="support-bot-train-1", start_time=at(60), end_time=at(90))
        view = scene(a_job(status=FineTuneJobStatus(attempts=(removed,))), prepared())
        assert display_of(view, None, None, Usage()).attempt == "train 1"

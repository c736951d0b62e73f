"""What ends a training that does not end by itself: the fuse behind its hours, and silence for too long."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import LARGEST_MEASURE
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.asked import fuse_time
from finetune_operator.planning.decide import CreateStage, Remove
from finetune_operator.planning.standing import BackingOff, Leaving, Underway, Wanted
from tests.unit.planning.scene import (
    a_job,
    at,
    ended,
    prepared,
    pushed,
    resolved_for,
    running_pod,
    scene,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life, Visit

HOUR = 3600
FAR = 1.25 * HOUR
"""Training seconds after which a trainer with one hour does not mind it."""
ALLOWED = 1800
"""Seconds from when that was seen to its end."""


def conditions(seen: Visit) -> set[str]:
    """Those that are true."""
    return {each.type for each in seen.status.conditions if each.status == "True"}


def priced() -> Life:
    """A job of ten hours on hardware that costs one euro an hour."""
    spec = {"hours": 10, "maxCost": 10}
    return Life(spec, FineTuneJobStatus(resolved=resolved_for(a_job(spec), pricePerHour=1.0, currency="EUR")))


class TestTheFuse:
    def test_goes_by_the_training_time_that_is_reported(self) -> None:
        beside = pushed(training_seconds=600.0, received_at=at(700))
        seen = Life().visit(prepared(), stage_job(), running_pod(), now=700, beside=beside)
        assert fuse_time(seen.view, seen.view.observed.jobs[-1]) == at(700 + FAR - 600 + ALLOWED)
        assert seen.again == FAR - 600

    def test_leaves_time_for_pauses_and_loading_where_none_is_reported(self) -> None:
        seen = Life().visit(prepared(), stage_job(), running_pod(since=at(60)), now=60)
        assert fuse_time(seen.view, seen.view.observed.jobs[-1]) == at(60 + FAR + 2 * HOUR + ALLOWED)

    def test_is_not_there_before_it_runs(self) -> None:
        view = scene(Life().visit().view.job, stage_job())
        assert fuse_time(view, view.observed.jobs[0]) is None

    def test_ends_a_trainer_that_goes_on_and_still_reports(self) -> None:
        life = Life()
        for seconds, kind in (
            (FAR - 1, Underway),
            (FAR, Underway),
            (FAR + ALLOWED - 1, Underway),
            (FAR + ALLOWED, Leaving),
        ):
            beside = pushed(training_seconds=seconds, received_at=at(seconds))
            seen = life.visit(prepared(), stage_job(), running_pod(), now=seconds, beside=beside)
            assert isinstance(seen.standing, kind)
        assert (seen.last.overrun_time, seen.last.ends_for) == (at(FAR), "DeadlineExceeded")

    def test_leaves_time_to_hear_of_a_budget_that_was_lowered_below_what_is_used(self) -> None:
        life = priced()
        for cost, now, kind in ((10, 0, Underway), (1, 60, Underway), (1, 1859, Underway), (1, 1860, Leaving)):
            life.asks(maxCost=cost)
            beside = pushed(training_seconds=8 * HOUR + now, received_at=at(now))
            seen = life.visit(prepared(), stage_job(), running_pod(), now=now, beside=beside)
            assert isinstance(seen.standing, kind), now

    def test_is_forgotten_when_the_budget_is_raised_in_time(self) -> None:
        life = Life()
        told = pushed(training_seconds=FAR, received_at=at(60))
        assert life.visit(prepared(), stage_job(), running_pod(), now=60, beside=told).last.overrun_time == at(60)
        life.asks(hours=2)
        assert life.visit(prepared(), stage_job(), running_pod(), now=90, beside=told).last.overrun_time is None

    def test_leaves_time_to_an_attempt_that_begins_with_nothing_left(self) -> None:
        life = priced()
        life.visit(prepared(), stage_job(), running_pod(), now=60)
        life.visit(prepared(), ended(code=75), now=70)
        life.asks(maxCost=1)
        again = (prepared(), stage_job(attempt=2), running_pod(attempt=2, since=at(100)))
        used = pushed(attempt=2, training_seconds=8.0 * HOUR, received_at=at(120))
        seen = life.visit(*again, now=120, beside=used)
        assert isinstance(seen.standing, Underway)
        assert seen.again == ALLOWED

    def test_can_be_reckoned_with_the_longest_training_time_that_a_report_may_tell(self) -> None:
        beside = pushed(training_seconds=LARGEST_MEASURE, received_at=at(60))
        seen = Life().visit(prepared(), stage_job(), running_pod(), now=60, beside=beside)
        assert fuse_time(seen.view, seen.view.observed.jobs[-1]) == at(60 + ALLOWED)

    def test_ends_a_trainer_that_reports_nothing(self) -> None:
        late = FAR + 2 * HOUR
        life = Life()
        for now, kind in ((late, Underway), (late + ALLOWED - 1, Underway), (late + ALLOWED, Leaving)):
            assert isinstance(life.visit(prepared(), stage_job(), running_pod(), now=now).standing, kind)

    def test_takes_no_long_training_for_an_overrun_when_a_new_operator_has_not_heard_of_it_yet(self) -> None:
        life = Life({"hours": 10})
        beside = pushed(training_seconds=9.5 * HOUR, received_at=at(9.5 * HOUR))
        life.visit(prepared(), stage_job(), running_pod(), now=9.5 * HOUR, beside=beside)
        unheard = life.visit(prepared(), stage_job(), running_pod(), now=9.5 * HOUR + 60)
        assert isinstance(unheard.standing, Underway)

    def test_is_later_when_hours_are_raised(self) -> None:
        life = Life({"hours": 10})
        beside = pushed(training_seconds=FAR + ALLOWED, received_at=at(FAR))
        seen = life.visit(prepared(), stage_job(), running_pod(), now=FAR, beside=beside)
        assert (type(seen.standing), seen.last.overrun_time) == (Underway, None)

    def test_fails_the_job_with_its_reason(self) -> None:
        life = self.outrun()
        told = life.visit(prepared(), stage_job(), running_pod(), now=FAR + ALLOWED + 1)
        assert [type(action) for action in told.actions] == [Remove]
        over = life.visit(prepared(), now=FAR + ALLOWED + 130)
        assert over.words == (Phase.FAILED, Reason.DEADLINE_EXCEEDED)
        assert over.status.message == "the trainer goes on long after its 1 h were used up"

    def test_does_not_undo_a_model_that_was_ready_before(self) -> None:
        life = self.outrun()
        done = life.visit(prepared(), ended(message=verdict("deadline")), now=FAR + ALLOWED + 3)
        assert done.words == (Phase.SUCCEEDED, Reason.HOURS_EXHAUSTED)

    def outrun(self) -> Life:
        """A job whose trainer goes on for so long that the status says why it is to end."""
        life = Life()
        for now in (FAR, FAR + ALLOWED):
            beside = pushed(training_seconds=now, received_at=at(now))
            life.visit(prepared(), stage_job(), running_pod(), now=now, beside=beside)
        return life


SILENCE = {"step": 120, "loading": 360, "evaluation": 360, "save": 360, "finishing": 360}
"""Seconds for a job that allows one minute, by what its trainer was doing."""


class TestSilence:
    def stalled(self) -> tuple[Life, Visit]:
        """A job whose trainer said nothing for too long."""
        life = Life({"stallTimeoutSeconds": 60})
        life.visit(prepared(), stage_job(), running_pod(), beside=pushed(checkpoint_step=5, received_at=at(0)))
        beside = pushed(checkpoint_step=5, received_at=at(0))
        return life, life.visit(prepared(), stage_job(), running_pod(), now=120, beside=beside)

    @pytest.mark.parametrize(("activity", "seconds"), SILENCE.items())
    def test_is_too_long_after_twice_what_the_trainer_itself_would_wait(self, activity: str, seconds: int) -> None:
        life, beside = Life({"stallTimeoutSeconds": 60}), pushed(activity=activity)
        before = life.visit(prepared(), stage_job(), running_pod(), now=seconds - 1, beside=beside)
        assert (type(before.standing), before.again) == (Underway, 1)
        assert isinstance(
            life.visit(prepared(), stage_job(), running_pod(), now=seconds, beside=beside).standing, Leaving
        )

    def test_is_never_too_long_when_the_job_names_no_limit(self) -> None:
        seen = Life().visit(prepared(), stage_job(), running_pod(), now=HOUR, beside=pushed())
        assert isinstance(seen.standing, Underway)

    def test_of_who_has_never_reported_proves_nothing(self) -> None:
        life = Life({"stallTimeoutSeconds": 60})
        assert isinstance(life.visit(prepared(), stage_job(), running_pod(), now=HOUR).standing, Underway)
        earlier = (prepared(), ended(code=75), stage_job(attempt=2), running_pod(attempt=2))
        assert isinstance(life.visit(*earlier, now=HOUR, beside=pushed(attempt=1)).standing, Underway)

    def test_is_told_as_a_condition(self) -> None:
        _, seen = self.stalled()
        assert (seen.words, seen.last.ends_for) == ((Phase.RUNNING, Reason.STEP_STALLED), "StepStalled")
        assert seen.status.message == "no sign of life since 12:00:00 UTC"
        assert "StepStalled" in conditions(seen)

    def test_is_the_platforms_and_costs_no_retry(self) -> None:
        life, _ = self.stalled()
        follows = life.visit(prepared(), now=240)
        assert (follows.actions, follows.status.retries) == ((CreateStage("train", 2),), 0)
        assert (follows.last.outcome, follows.last.reason) == ("Platform", "StepStalled")
        assert follows.last.message == "no sign of life since 12:00:00 UTC"

    def test_is_over_once_the_next_attempt_trains(self) -> None:
        life, _ = self.stalled()
        assert "StepStalled" in conditions(life.visit(prepared(), now=240))
        again = (prepared(), stage_job(attempt=2), running_pod(attempt=2))
        assert "StepStalled" in conditions(life.visit(*again, now=250))
        trains = life.visit(*again, now=300, beside=pushed(attempt=2, step=7, received_at=at(300)))
        assert trains.words == (Phase.RUNNING, Reason.TRAINING)
        assert "StepStalled" not in conditions(trains)

    def test_is_not_told_of_the_run_before(self) -> None:
        life, _ = self.stalled()
        life.asks(cancel=True)
        life.visit(prepared(), now=240)
        life.asks(cancel=False, restartGeneration=1)
        assert "StepStalled" not in conditions(life.visit(now=300))

    def test_again_and_again_is_waited_for_ever_more_patiently(self) -> None:
        life, _ = self.stalled()
        for number, waits in ((2, Wanted), (3, BackingOff)):
            there, now = (prepared(), stage_job(attempt=number), running_pod(attempt=number)), 300.0 * number
            silent = pushed(attempt=number, checkpoint_step=5, received_at=at(now))
            life.visit(*there, now=now, beside=silent)
            assert isinstance(life.visit(*there, now=now + 120, beside=silent).standing, Leaving)
            assert isinstance(life.visit(prepared(), now=now + 130, beside=silent).standing, waits)

    def test_does_not_undo_what_ended_by_itself(self) -> None:
        life, _ = self.stalled()
        done = life.visit(prepared(), ended(message=verdict("completed")), now=130)
        assert done.words == (Phase.SUCCEEDED, Reason.COMPLETED)


def test_a_stall_that_the_trainer_saw_itself_is_followed_at_once() -> None:
    life = Life({"stallTimeoutSeconds": 60})
    life.visit(prepared(), stage_job(), running_pod())
    word = verdict("retry", code="Stalled", step=5)
    follows = life.visit(prepared(), ended(code=75, message=word), now=200)
    assert (follows.actions, follows.last.outcome) == ((CreateStage("train", 2),), "Platform")

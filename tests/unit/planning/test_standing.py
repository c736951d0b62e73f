"""Where a job stands: each variant, the order of the rungs, and the arithmetic of retries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.course import Progress
from finetune_operator.api.names import stage_job_name
from finetune_operator.api.status import Attempt, FineTuneJobStatus, Stage
from finetune_operator.planning.attempts import latest_attempt
from finetune_operator.planning.ending import Ending, ending_of
from finetune_operator.planning.following import PATIENCE
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.stand import GRACE, stand, unconfirmed
from finetune_operator.planning.standing import (
    BackingOff,
    Broken,
    Done,
    Fenced,
    Over,
    Refused,
    Standing,
    Underway,
    View,
    Wanted,
)
from tests.unit.planning.scene import (
    NAME,
    NOW,
    UID,
    a_job,
    at,
    ended,
    ended_pod,
    prepared,
    pushed,
    running_pod,
    scene,
    stage_job,
    stamp,
    verdict,
)

Outcome = Literal["Succeeded", "UserError", "Platform", "Error"]

UNKNOWN = Rejection(Reason.UNKNOWN_INSTANCE_TYPE, "no such type", "spec.instanceType", may_mend=True)
INVALID = Rejection(Reason.INVALID_SPEC, "leaves its claim", "spec.model.name")


def record(
    number: int,
    outcome: Outcome | None = None,
    *,
    stage: Stage = "train",
    end: datetime = NOW,
    checkpoint: int | None = None,
    start: datetime = NOW - timedelta(hours=1),
) -> Attempt:
    """An attempt as the status tells of it; without an outcome it goes on."""
    return Attempt(
        stage=stage,
        number=number,
        job=stage_job_name(NAME, UID, stage, number),
        start_time=start,
        end_time=end if outcome else None,
        outcome=outcome,
        reason="Error" if outcome else None,
        message="boom" if outcome else None,
        checkpoint_step=checkpoint,
    )


PREPARED_RECORD = record(1, "Succeeded", stage="prepare")


def status(*attempts: Attempt, retries: int = 0, phase: Phase = Phase.PENDING) -> FineTuneJobStatus:
    """A status with a first stage that is done and these attempts."""
    return FineTuneJobStatus(phase=phase, attempts=(PREPARED_RECORD, *attempts), retries=retries)


def standing(view: View) -> Standing:
    """Of a job whose spec is accepted."""
    return stand(view, None)


class TestTheFirstVisit:
    def test_wants_the_first_stage(self) -> None:
        assert standing(scene(a_job())) == Wanted("prepare", 1)

    def test_needs_no_listing_because_creating_what_exists_fails(self) -> None:
        view = scene(a_job())
        assert not unconfirmed(standing(view), view)


class TestARefusedSpec:
    def test_is_refused_at_once_when_nothing_can_mend_it(self) -> None:
        assert stand(scene(a_job()), INVALID) == Refused(INVALID, final=True)

    @pytest.mark.parametrize(
        ("after", "final"), [(timedelta(), False), (GRACE - timedelta(seconds=1), False), (GRACE, True)]
    )
    def test_waits_for_what_the_same_apply_may_bring(self, after: timedelta, *, final: bool) -> None:
        assert stand(scene(a_job(), now=NOW + after), UNKNOWN) == Refused(UNKNOWN, final=final)

    @pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
    def test_is_no_news_for_a_job_that_is_over(self, phase: Phase) -> None:
        assert stand(scene(a_job(status=status(phase=phase))), INVALID) == Over()


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
class TestATerminalState:
    def test_never_runs_again_although_everything_was_deleted(self, phase: Phase) -> None:
        assert standing(scene(a_job(status=status(phase=phase)))) == Over()

    def test_never_runs_again_and_a_job_whose_creation_came_after_it_is_ended(self, phase: Phase) -> None:
        seen = scene(a_job(status=status(phase=phase)), stage_job(), running_pod())
        assert standing(seen) == Over(remains=seen.observed.jobs)


class TestAnAttemptThatGoesOn:
    def test_is_underway(self) -> None:
        result = standing(scene(a_job(status=status(record(1))), stage_job(), running_pod()))
        assert isinstance(result, Underway)
        assert (result.job.stage, result.job.attempt) == ("train", 1)

    def test_is_found_by_an_operator_that_was_killed_before_it_wrote_it_down(self) -> None:
        result = standing(scene(a_job(), stage_job("prepare")))
        assert isinstance(result, Underway)

    def test_is_found_also_when_it_is_a_retry_that_was_not_written_down(self) -> None:
        view = scene(a_job(status=status(record(1, "Platform"))), stage_job(attempt=2), running_pod(attempt=2))
        result = standing(view)
        assert isinstance(result, Underway)
        assert result.job.attempt == 2

    def test_goes_on_while_a_pod_of_its_finished_job_may_write(self) -> None:
        view = scene(a_job(status=status(record(1))), stage_job(ended="Failed"), running_pod())
        result = standing(view)
        assert isinstance(result, Underway)
        assert unconfirmed(result, view)

    def test_needs_no_listing_while_its_job_runs(self) -> None:
        view = scene(a_job(status=status(record(1))), stage_job(), running_pod())
        assert not unconfirmed(standing(view), view)


class TestTheSecondStage:
    def test_is_wanted_once_the_first_is_done(self) -> None:
        assert standing(scene(a_job(), prepared())) == Wanted("train", 1)

    def test_is_wanted_although_the_first_ones_job_was_cleaned_up(self) -> None:
        assert standing(scene(a_job(status=status()))) == Wanted("train", 1)

    def test_needs_a_listing_before_it_starts(self) -> None:
        view = scene(a_job(status=status()))
        assert unconfirmed(standing(view), view)
        listed = scene(a_job(status=status()), beside=Beside(confirmed=True))
        assert not unconfirmed(standing(listed), listed)

    def test_is_the_last(self) -> None:
        view = scene(a_job(), prepared(), ended(message=verdict("completed")))
        result = standing(view)
        assert isinstance(result, Done)
        assert result.ending.reason == Reason.COMPLETED


class TestAPodThatIsGone:
    def test_is_followed_by_what_its_last_word_says(self) -> None:
        gone = Beside(departed=(ended_pod(code=64, message=verdict("userError")),))
        result = standing(scene(a_job(), prepared(), stage_job(ended="Failed"), beside=gone))
        assert isinstance(result, Broken)
        assert result.reason == Reason.USER_ERROR

    def test_is_waited_for_no_longer_than_its_word_may_take(self) -> None:
        job = stage_job(ended="Failed")
        job["status"]["conditions"][0]["lastTransitionTime"] = stamp(NOW)
        assert isinstance(standing(scene(a_job(), prepared(), job)), Underway)
        result = standing(scene(a_job(), prepared(), job, now=at(5)))
        assert isinstance(result, Wanted)
        assert result.ended is not None
        assert result.ended.reason == Reason.JOB_VANISHED

    def test_holds_nothing_back_though_it_ran_when_it_was_last_seen(self) -> None:
        gone = Beside(departed=(running_pod(),), confirmed=True)
        result = standing(scene(a_job(), prepared(), stage_job(ended="Failed"), beside=gone))
        assert isinstance(result, Wanted)

    def test_of_an_earlier_attempt_frees_no_fence_that_another_pod_holds(self) -> None:
        gone = Beside(departed=(ended_pod(code=75, message=verdict("retry")),), confirmed=True)
        there = running_pod("prepare")
        result = standing(scene(a_job(status=status()), there, stage_job(ended="Failed"), beside=gone))
        assert isinstance(result, Fenced)


class TestAVanishedJob:
    def test_is_followed_by_the_next_number(self) -> None:
        result = standing(scene(a_job(status=status(record(1)))))
        assert isinstance(result, Wanted)
        assert (result.stage, result.attempt) == ("train", 2)
        assert result.ended is not None
        assert result.ended.reason == Reason.JOB_VANISHED

    def test_must_be_confirmed_by_a_listing(self) -> None:
        view = scene(a_job(status=status(record(1))))
        assert unconfirmed(standing(view), view)

    def test_is_not_followed_while_its_pod_lives(self) -> None:
        result = standing(scene(a_job(status=status(record(1))), running_pod()))
        assert isinstance(result, Fenced)
        assert [pod.attempt for pod in result.pods] == [1]

    def test_is_followed_once_its_pod_has_ended(self) -> None:
        result = standing(scene(a_job(status=status(record(1))), ended_pod(code=143)))
        assert isinstance(result, Wanted)

    def test_of_the_first_stage_starts_that_stage_again(self) -> None:
        result = standing(scene(a_job(status=FineTuneJobStatus(attempts=(record(1, stage="prepare"),)))))
        assert isinstance(result, Wanted)
        assert (result.stage, result.attempt) == ("prepare", 2)


class TestTheFence:
    def test_holds_back_training_while_any_pod_of_the_job_lives(self) -> None:
        result = standing(scene(a_job(status=status()), running_pod("prepare")))
        assert isinstance(result, Fenced)
        assert result.stage == "train"

    def test_holds_back_a_retry(self) -> None:
        attempts = status(record(1, "Platform"))
        result = standing(scene(a_job(status=attempts), stage_job(ended="Failed"), running_pod()))
        assert isinstance(result, Fenced)


class TestAUserError:
    def test_ends_the_job_at_once(self) -> None:
        result = standing(scene(a_job(), ended("prepare", code=64, message=verdict("userError", stage="prepare"))))
        assert isinstance(result, Broken)
        assert (result.reason, result.message) == (Reason.USER_ERROR, "it userError")


class TestAnError:
    def test_backs_off_before_it_is_tried_again(self) -> None:
        result = standing(scene(a_job(status=status(record(1))), ended(code=1)))
        assert isinstance(result, BackingOff)
        assert result.until == at(10)

    @pytest.mark.parametrize(
        ("retries", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (100, 300)]
    )
    def test_backs_off_twice_as_long_each_time_and_five_minutes_at_most(self, retries: int, seconds: int) -> None:
        job = a_job({"backoffLimit": 100}, status(record(1, "Error"), retries=retries))
        result = standing(scene(job))
        assert isinstance(result, BackingOff)
        assert result.until == at(seconds)

    def test_is_tried_again_when_its_time_has_come(self) -> None:
        job = a_job(status=status(record(1, "Error"), retries=1))
        assert isinstance(standing(scene(job, now=at(9.9))), BackingOff)
        assert standing(scene(job, now=at(10))) == Wanted("train", 2, _boom())

    def test_still_respects_the_fence_when_its_time_has_come(self) -> None:
        job = a_job(status=status(record(1, "Error"), retries=1))
        assert isinstance(standing(scene(job, running_pod(), now=at(10))), Fenced)

    @pytest.mark.parametrize(("limit", "retries", "broken"), [(0, 0, True), (1, 0, False), (1, 1, True), (3, 2, False)])
    def test_ends_the_job_when_the_limit_is_used_up(self, limit: int, retries: int, *, broken: bool) -> None:
        job = a_job({"backoffLimit": limit}, status(record(1), retries=retries))
        result = standing(scene(job, ended(code=1)))
        assert isinstance(result, Broken) is broken

    def test_says_how_often_it_was_tried_and_what_the_last_error_was(self) -> None:
        job = a_job({"backoffLimit": 2}, status(record(3), retries=2))
        result = standing(scene(job, ended(attempt=3, code=1, message="boom")))
        assert isinstance(result, Broken)
        assert result.reason == Reason.BACKOFF_LIMIT_EXCEEDED
        assert result.message == "exit code 1 (Error): boom (after 2 retries)"


NO_PROGRESS = {
    "two attempts without a checkpoint": ([None], None, False),
    "three attempts without a checkpoint": ([None, None], None, True),
    "three, of which the first made one": ([20, None], None, False),
    "three, of which the last made one": ([None, None], 20, False),
    "three that all stand where the one before them stood": ([20, 20, 20], 20, True),
    "three, of which the first went further": ([20, 40, 40], 40, False),
    "three that have not even reported, after one that made a checkpoint": ([20, None, None], None, True),
    "three of which one went further, seen after a long life": ([20, 20, 40, None], None, False),
}


class TestThePlatform:
    def test_costs_no_retry_and_no_wait(self) -> None:
        job = a_job({"backoffLimit": 0}, status(record(1)))
        assert isinstance(standing(scene(job, ended(code=143))), Wanted)

    @pytest.mark.parametrize(("before", "last", "broken"), NO_PROGRESS.values(), ids=NO_PROGRESS)
    def test_ends_the_job_after(self, before: list[int | None], last: int | None, *, broken: bool) -> None:
        number = len(before) + 1
        past = [record(n, "Platform", checkpoint=step) for n, step in enumerate(before, 1)]
        word = verdict("retry", attempt=number, step=last) if last else ""
        view = scene(a_job(status=status(*past, record(number))), ended(attempt=number, code=75, message=word))
        result = standing(view)
        assert isinstance(result, Broken) is broken
        if isinstance(result, Broken):
            assert result.reason == Reason.NO_PROGRESS

    def test_may_end_three_attempts_within_minutes(self) -> None:
        just_now = [record(n, "Platform", start=NOW - timedelta(seconds=30)) for n in (1, 2)]
        view = scene(a_job(status=status(*just_now, record(3))), ended(attempt=3, code=75))
        assert standing(view) == BackingOff("train", NOW + timedelta(seconds=20), ending_of(view.observed.jobs[0]))

    def test_makes_the_second_start_without_a_checkpoint_wait(self) -> None:
        view = scene(a_job(status=status(record(1, "Platform"), record(2))), ended(attempt=2, code=75))
        result = standing(view)
        assert isinstance(result, BackingOff)
        assert result.until == NOW + timedelta(seconds=10)

    @pytest.mark.parametrize(("count", "seconds"), [(2, 10), (3, 20), (4, 40), (5, 80)])
    def test_is_waited_for_ever_more_patiently_when_no_checkpoint_comes(self, count: int, seconds: int) -> None:
        past = [record(n, "Platform", start=NOW) for n in range(1, count + 1)]
        job = a_job(status=status(*past))
        assert isinstance(standing(scene(job, now=at(seconds - 1))), BackingOff)
        assert isinstance(standing(scene(job, now=at(seconds))), Wanted)

    def test_is_not_given_up_for_the_time_that_passes_between_attempts(self) -> None:
        """The operator was down, or a pod on a lost node held the next attempt back: no attempt has ended since."""
        job = a_job(status=status(*[record(n, "Platform", start=NOW) for n in (1, 2, 3)]))
        assert isinstance(standing(scene(job, now=NOW + 2 * PATIENCE)), Wanted)
        assert isinstance(standing(scene(job, running_pod(), now=NOW + 2 * PATIENCE)), Fenced)

    def test_learns_of_a_checkpoint_from_the_status_when_another_operator_heard_of_it(self) -> None:
        told = Progress(step=40, checkpoint_step=30, last_updated_time=NOW)
        past = status(record(1, "Platform"), record(2, "Platform"), record(3)).model_copy(update={"progress": told})
        assert isinstance(standing(scene(a_job(status=past))), Wanted)

    def test_learns_of_a_checkpoint_from_what_was_pushed_when_the_verdict_was_lost(self) -> None:
        past = status(record(1, "Platform"), record(2, "Platform"), record(3))
        beside = pushed(attempt=3, checkpoint_step=20)
        assert isinstance(standing(scene(a_job(status=past), ended(attempt=3, code=137), beside=beside)), BackingOff)
        assert isinstance(standing(scene(a_job(status=past), beside=beside)), Wanted)

    def test_is_not_blamed_for_three_ends_with_an_error_between(self) -> None:
        past = status(record(1, "Platform"), record(2, "Error"), record(3), retries=1)
        assert isinstance(standing(scene(a_job(status=past), ended(attempt=3, code=143))), Wanted)


class TestTheLatestAttempt:
    def test_is_asked_of_records_and_cluster_alike(self) -> None:
        view = scene(a_job(status=status(record(2))), stage_job(attempt=1), stage_job(attempt=3))
        assert latest_attempt(view, "train") == 3
        assert latest_attempt(view, "prepare") == 1
        assert latest_attempt(scene(a_job()), "train") == 0


@pytest.mark.parametrize("settled", [Over(), Refused(INVALID, final=True), Refused(UNKNOWN, final=False)], ids=repr)
def test_what_rests_on_the_resource_alone_needs_no_listing(settled: Standing) -> None:
    assert not unconfirmed(settled, scene(a_job()))


def _boom() -> Ending:
    return Ending("Error", Reason.ERROR, "boom")

"""What the status keeps of the attempts: the latest eight, each stage's last one, and no news twice."""

from __future__ import annotations

from datetime import datetime

from finetune_operator.api.conditions import Phase
from finetune_operator.api.names import stage_job_name
from finetune_operator.api.status import MOST_ATTEMPTS, Attempt, FineTuneJobStatus, Stage
from finetune_operator.planning.progress import Checkpoint
from finetune_operator.planning.records import attempts_of as recorded
from finetune_operator.planning.records import fresh_endings, retries_of
from finetune_operator.planning.stand import stand
from finetune_operator.planning.standing import Underway, View
from tests.unit.planning.scene import (
    NAME,
    NOW,
    UID,
    a_job,
    at,
    ended,
    prepared,
    pushed,
    running_pod,
    scene,
    stage_job,
    told,
    verdict,
)
from tests.unit.planning.visits import Life


def record(number: int, stage: Stage = "train", *, outcome: str = "Error", start: datetime = NOW) -> Attempt:
    """An attempt that is over."""
    return Attempt.model_validate(
        {
            "stage": stage,
            "number": number,
            "job": stage_job_name(NAME, UID, stage, number),
            "start_time": start,
            "end_time": start,
            "outcome": outcome,
            "reason": "Error",
            "message": "boom",
        }
    )


def numbers(attempts: tuple[Attempt, ...], stage: Stage = "train") -> list[int]:
    """Of one stage, in order."""
    return [attempt.number for attempt in attempts if attempt.stage == stage]


def attempts_of(view: View) -> tuple[Attempt, ...]:
    """What the status keeps of them."""
    return recorded(view, stand(view, None))


LONG = FineTuneJobStatus(
    attempts=(record(1, "prepare", outcome="Succeeded"), *(record(n, start=at(n)) for n in range(4, 11))), retries=10
)
"""A status that is full: three attempts at the training were dropped before."""


def test_a_new_attempt_is_kept_with_the_name_and_start_of_its_job() -> None:
    (only,) = attempts_of(scene(a_job(), stage_job("prepare", created=at(3)), now=at(9)))
    assert (only.job, only.start_time, only.end_time) == (stage_job_name(NAME, UID, "prepare", 1), at(3), None)


def test_the_node_is_noted_while_it_runs_and_kept_when_the_pod_is_gone() -> None:
    running = told(scene(a_job(), prepared(), stage_job(), running_pod()))
    gone = attempts_of(scene(a_job(status=running), prepared(), now=at(60)))
    assert [attempt.node for attempt in gone if attempt.stage == "train"] == ["node-0"]


def test_an_attempt_that_is_over_is_not_touched_again() -> None:
    first = told(scene(a_job(), prepared(), ended(code=1)))
    later = attempts_of(scene(a_job(status=first), prepared(), ended(code=1), now=at(60)))
    assert later == first.attempts


def test_a_vanished_job_is_noted_with_what_is_known_of_it() -> None:
    running = told(scene(a_job(), prepared(), stage_job(), running_pod()))
    (_, train) = attempts_of(scene(a_job(status=running), prepared(), now=at(60)))
    assert (train.outcome, train.reason, train.end_time) == ("Platform", "JobVanished", at(60))


def test_only_errors_count_as_retries() -> None:
    for code, count in ((1, 1), (64, 0), (75, 0), (143, 0)):
        assert retries_of(scene(a_job(), prepared(), ended(code=code))) == count


def test_two_attempts_that_ended_unseen_both_count() -> None:
    assert retries_of(scene(a_job(), prepared(), ended(code=1), ended(attempt=2, code=1))) == 2


def test_the_step_of_a_verdict_is_the_checkpoint_of_its_attempt() -> None:
    word = verdict("retry", step=120)
    (_, train) = attempts_of(scene(a_job(), prepared(), ended(code=75, message=word)))
    assert train.checkpoint_step == 120


class TestALongLife:
    def test_keeps_the_latest_eight_attempts(self) -> None:
        view = scene(a_job(status=LONG), stage_job(attempt=11, created=at(11)), running_pod(attempt=11))
        kept = attempts_of(view)
        assert len(kept) == MOST_ATTEMPTS
        assert numbers(kept) == list(range(5, 12))

    def test_keeps_what_an_earlier_version_wrote_down_until_the_next_attempt(self) -> None:
        ten = LONG.model_copy(update={"attempts": (LONG.attempts[0], *(record(n, start=at(n)) for n in range(2, 11)))})
        view = scene(a_job(status=ten), stage_job(attempt=11, created=at(11)), running_pod(attempt=11))
        assert numbers(attempts_of(view)) == list(range(5, 12))

    def test_never_forgets_that_the_first_stage_is_done(self) -> None:
        view = scene(a_job(status=LONG), stage_job(attempt=11, created=at(11)), running_pod(attempt=11))
        assert numbers(attempts_of(view), "prepare") == [1]
        status = told(view)
        standing = stand(scene(a_job(status=status), stage_job(attempt=11), running_pod(attempt=11)), None)
        assert isinstance(standing, Underway)

    def test_does_not_take_dropped_attempts_whose_jobs_still_exist_for_news(self) -> None:
        jobs = [ended(attempt=number, code=1) for number in range(1, 11)]
        view = scene(a_job({"backoffLimit": 100}, LONG), prepared(), *jobs, now=at(400))
        assert fresh_endings(view, "train") == ()
        assert retries_of(view) == 10
        assert numbers(attempts_of(view)) == list(range(4, 11))

    def test_counts_each_of_thirty_errors_once(self) -> None:
        status, now = None, 0.0
        children = [prepared()]
        for number in range(1, 31):
            children.append(ended(attempt=number, code=1))
            for _ in range(2):
                now += 1
                status = told(scene(a_job({"backoffLimit": 100}, status), *children, now=at(now)))
        assert status is not None
        assert (status.retries, status.phase) == (30, Phase.PENDING)
        assert numbers(status.attempts)[-1] == 30
        assert len(status.attempts) == MOST_ATTEMPTS


def test_what_an_attempt_saved_while_it_was_deleted_is_noted_once_the_next_one_tells_of_it() -> None:
    life = Life()
    life.visit(prepared(), stage_job(), running_pod(), beside=pushed(step=650, checkpoint_step=600))
    life.visit(prepared(), stage_job(attempt=2), now=9)
    listed = tuple(Checkpoint(step, 1, f"checkpoints/{step}") for step in (600, 685))
    again = (prepared(), stage_job(attempt=2), running_pod(attempt=2))
    seen = life.visit(*again, now=60, beside=pushed(attempt=2, step=0, checkpoint_step=685, checkpoints=listed))
    assert seen.attempt("train", 1).checkpoint_step == 685
    assert seen.status.checkpoints[-1].step == 685
    kept = life.visit(*again, now=90, beside=pushed(attempt=2, step=700, checkpoint_step=685, checkpoints=()))
    assert kept.attempt("train", 1).checkpoint_step == 685


def test_a_checkpoint_that_is_listed_and_not_yet_told_otherwise_belongs_to_the_attempt_that_wrote_it() -> None:
    life = Life()
    listed = (Checkpoint(685, 1, "checkpoints/685"),)
    life.visit(prepared(), stage_job(), running_pod(), beside=pushed(step=690, checkpoint_step=600, checkpoints=listed))
    assert life.visit(prepared(), now=9).attempt("train", 1).checkpoint_step == 685

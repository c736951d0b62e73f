"""restartGeneration: a new run with a new budget, in the same workspace, while what was stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CreateStage, Remove
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.run_config import Run, run_document
from finetune_operator.planning.standing import Fenced, Leaving, Underway
from tests.unit.planning.scene import (
    at,
    deleted,
    ended,
    ended_pod,
    in_run,
    pod,
    prepared,
    pushed,
    running_pod,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life, Visit

ARTIFACT = {"path": "model", "kind": "adapter"}
COMPLETED = verdict("completed", step=400, training_seconds=900, artifact=ARTIFACT)
REPORT = {"rows": 48, "tokens": 1932}
LATER = 1000
"""When the new run is asked for."""


def test_what_an_overtaken_run_began_is_ended_before_the_newest_one_starts() -> None:
    life = over()
    life.asks(restartGeneration=2)
    stray = in_run(1, stage_job("prepare", 2, created=at(LATER)), running_pod("prepare", 2, since=at(LATER)))
    told = life.visit(*stray, now=LATER + 5)
    assert isinstance(told.standing, Leaving)
    acted = life.visit(*stray, now=LATER + 6)
    assert acted.actions == (Remove(acted.view.observed.jobs[0]),)
    again = life.visit(now=LATER + 9)
    assert again.actions == (CreateStage("prepare", 3),)
    assert again.status.restart_generation == 2


def over(word: str = COMPLETED, code: int = 0, **spec: object) -> Life:
    """A job that has ended so."""
    life = Life(spec)
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), ended(code=code, message=word), now=900)
    return life


def training() -> Life:
    """A job that trains."""
    life = Life()
    life.visit(prepared(), stage_job(), running_pod(), beside=pushed(training_seconds=300.0))
    return life


def second(stage: str = "train", *, running: bool = True) -> tuple[Json, ...]:
    """The second attempt at a stage, in run 1."""
    children = (stage_job(stage, 2, created=at(LATER)), *((running_pod(stage, 2, since=at(LATER)),) if running else ()))
    return in_run(1, *children)


def checked() -> tuple[Json, ...]:
    """The first stage of run 1, done."""
    return in_run(1, *ended("prepare", 2, message=verdict(stage="prepare", attempt=2, report=REPORT)))


def resume_from(seen: Visit) -> int | None:
    """The first attempt whose checkpoints count."""
    assert seen.status.resolved is not None
    return seen.status.resolved.resume_from


def cancelled() -> Life:
    """A job that was cancelled while it trained."""
    life = training()
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), running_pod(), now=10)
    assert life.visit(prepared(), now=20).words == (Phase.CANCELLED, Reason.CANCELLED)
    life.asks(cancel=False)
    return life


ENDS: dict[str, Callable[[], Life]] = {
    "it succeeded": over,
    "it failed": lambda: over(verdict("userError", step=120), 64),
    "it was cancelled": cancelled,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_new_run_begins_after(end: Callable[[], Life]) -> None:
    life = end()
    life.asks(restartGeneration=1)
    seen = life.visit(now=LATER)
    assert (seen.actions, seen.must_list) == ((CreateStage("prepare", 2),), True)
    assert (seen.status.restart_generation, seen.status.phase, seen.status.completion_time) == (1, Phase.PENDING, None)
    assert (seen.status.failure, seen.status.retries, seen.status.usage and seen.status.usage.training_seconds) == (
        None,
        0,
        0,
    )
    assert [(a.stage, a.number, a.run) for a in seen.status.attempts] == [("prepare", 1, 0), ("train", 1, 0)]


def test_it_is_not_begun_again_while_it_is_the_one_that_was_asked_for() -> None:
    life = over()
    life.asks(restartGeneration=1)
    life.visit(*second("prepare"), now=LATER)
    going = life.visit(*second("prepare"), now=LATER + 5)
    assert isinstance(going.standing, Underway)
    assert life.visit(*second("prepare"), now=LATER + 9).status == going.status


def test_attempts_are_numbered_on_and_know_their_run() -> None:
    life = over()
    life.asks(restartGeneration=1)
    life.visit(*second("prepare"), now=LATER)
    assert life.visit(*checked(), now=LATER + 9).actions == (CreateStage("train", 2),)
    seen = life.visit(*checked(), *second(), now=LATER + 10)
    assert [(a.stage, a.number, a.run) for a in seen.status.attempts] == [
        ("prepare", 1, 0),
        ("train", 1, 0),
        ("prepare", 2, 1),
        ("train", 2, 1),
    ]


def test_the_model_of_the_run_before_stays_until_there_is_a_new_one() -> None:
    life = over()
    before = life.status and life.status.result
    assert before is not None
    life.asks(restartGeneration=1)
    for children in ((), second("prepare"), checked()):
        assert life.visit(*children, now=LATER).status.result == before
    word = verdict("completed", attempt=2, artifact={"path": "model-1", "kind": "adapter"})
    done = life.visit(*checked(), *in_run(1, *ended(attempt=2, message=word)), now=LATER + 99)
    assert done.words == (Phase.SUCCEEDED, Reason.COMPLETED)
    assert done.status.result is not None
    assert done.status.result.uri.endswith("/model-1")


def test_a_new_run_that_fails_leaves_the_model_of_the_run_before() -> None:
    life = over()
    before = life.status and life.status.result
    life.asks(restartGeneration=1)
    life.visit(*second("prepare"), now=LATER)
    word = verdict("userError", stage="prepare", attempt=2)
    failed = life.visit(*in_run(1, *ended("prepare", 2, code=64, message=word)), now=LATER + 9)
    assert (failed.words, failed.status.result) == ((Phase.FAILED, Reason.USER_ERROR), before)


def test_hours_and_retries_count_from_nothing() -> None:
    life = over(code=1, word="boom", backoffLimit=0)
    assert life.status is not None
    assert (life.status.phase, life.status.retries) == (Phase.FAILED, 1)
    life.asks(restartGeneration=1, backoffLimit=1)
    life.visit(*second("prepare"), now=LATER)
    beside = pushed(attempt=2, training_seconds=7.0)
    life.visit(*checked(), *second(), now=LATER + 9)
    trains = life.visit(*checked(), *second(), now=LATER + 20, beside=beside)
    assert trains.status.usage is not None
    assert (trains.status.usage.training_seconds, trains.status.retries) == (7.0, 0)
    again = life.visit(*checked(), *in_run(1, *ended(attempt=2, code=1)), now=LATER + 30)
    assert (again.words, again.status.retries) == ((Phase.PENDING, Reason.RETRYING), 1)


def test_a_late_report_of_the_run_before_counts_for_nothing() -> None:
    life = over()
    life.asks(restartGeneration=1)
    late = pushed(attempt=1, step=399, training_seconds=899.0)
    seen = life.visit(*second("prepare"), now=LATER, beside=late)
    assert seen.status.usage is not None
    assert (seen.status.usage.training_seconds, seen.status.progress) == (0, None)


def test_it_goes_on_from_the_newest_checkpoint() -> None:
    life = over()
    life.asks(restartGeneration=1)
    seen = life.visit(now=LATER)
    assert resume_from(seen) is None
    assert seen.status.resolved is not None
    document = run_document(Run(seen.view.job, seen.status.resolved, "train", 2))
    assert (document["run"], document.get("resumeFrom")) == (1, None)


def test_from_scratch_it_goes_on_from_no_checkpoint_of_the_runs_before() -> None:
    life = over()
    life.asks(restartGeneration=1, restartFrom="scratch")
    seen = life.visit(now=LATER)
    assert resume_from(seen) == 2
    assert seen.status.resolved is not None
    assert run_document(Run(seen.view.job, seen.status.resolved, "train", 2))["resumeFrom"] == 2
    for children in (checked(), (*checked(), *second())):
        seen = life.visit(*children, now=LATER + 9)
        assert resume_from(seen) == 2


def test_from_scratch_its_own_checkpoints_count_although_no_status_could_be_written_for_long() -> None:
    life = over()
    life.asks(restartGeneration=1, restartFrom="scratch")
    unwritten = Life(life.spec, life.status)
    assert resume_from(unwritten.visit(*checked(), *second(), now=LATER + 9)) == 2


class TestAnOperatorThatWasKilled:
    """Between creating the first Job of a new run and writing it down."""

    def test_finds_the_run_begun(self) -> None:
        life = over()
        life.asks(restartGeneration=1)
        found = life.visit(*second("prepare"), now=LATER + 60)
        assert isinstance(found.standing, Underway)
        assert (found.status.restart_generation, found.last.number, found.last.run) == (1, 2, 1)

    def test_finds_it_begun_also_when_the_run_before_had_no_end(self) -> None:
        life = training()
        life.asks(restartGeneration=1)
        life.visit(prepared(), stage_job(), running_pod(), now=10)
        found = life.visit(*second("prepare"), now=LATER)
        assert isinstance(found.standing, Underway)
        assert (found.attempt("train", 1).outcome, found.attempt("train", 1).reason) == ("Requested", "Restarted")

    def test_before_creating_anything_begins_it(self) -> None:
        life = over()
        life.asks(restartGeneration=1)
        assert life.visit(now=LATER + 60).actions == (CreateStage("prepare", 2),)


class TestWhileItRuns:
    """The attempt saves and ends first."""

    def asked(self) -> Life:
        """A job that trains, asked to begin anew, and told so in its status."""
        life = training()
        life.asks(restartGeneration=1)
        return life

    def test_status_first_then_the_job(self) -> None:
        life = self.asked()
        seen = life.visit(prepared(), stage_job(), running_pod(), now=10)
        assert (seen.actions, seen.words) == ((), (Phase.RUNNING, Reason.RESTARTED))
        assert (seen.last.ends_for, seen.status.restart_generation) == ("Restarted", None)
        told = life.visit(prepared(), stage_job(), running_pod(), now=11)
        assert [(type(a), getattr(a, "grace_seconds", "")) for a in told.actions] == [(Remove, None)]

    def test_the_new_run_begins_once_its_pods_are_gone_and_that_was_listed(self) -> None:
        life = self.asked()
        life.visit(prepared(), stage_job(), running_pod(), now=10)
        ending = (prepared(), deleted(stage_job(), at(11)), deleted(running_pod(), at(131)))
        assert isinstance(life.visit(*ending, now=12).standing, Leaving)
        from_the_watch = Life(life.spec, life.status).visit(prepared(), now=60)
        assert from_the_watch.must_list
        gone = Beside(departed=(ended_pod(code=75, message=verdict("retry", step=200)),), confirmed=True)
        seen = life.visit(prepared(), now=60, beside=gone)
        assert (seen.actions, seen.status.restart_generation) == ((CreateStage("prepare", 2),), 1)
        before = seen.attempt("train", 1)
        assert (before.outcome, before.reason, before.checkpoint_step) == ("Requested", "Restarted", 200)
        assert seen.status.retries == 0

    def test_what_waits_for_its_hardware_is_ended_too(self) -> None:
        life = Life()
        life.visit(prepared(), stage_job(), pod())
        life.asks(restartGeneration=1)
        assert isinstance(life.visit(prepared(), stage_job(), pod(), now=1).standing, Leaving)

    def test_a_model_that_was_ready_before_it_heard_is_told_of_before_the_new_run(self) -> None:
        life = self.asked()
        life.visit(prepared(), stage_job(), running_pod(), now=10)
        done = life.visit(prepared(), ended(message=COMPLETED), now=11, beside=Beside(confirmed=True))
        assert (done.words, done.again) == ((Phase.SUCCEEDED, Reason.COMPLETED), 0.1)
        result = done.status.result
        assert result is not None
        seen = life.visit(prepared(), ended(message=COMPLETED), now=12)
        assert (seen.actions, seen.status.result) == ((CreateStage("prepare", 2),), result)

    def test_a_model_whose_job_went_with_its_pod_is_told_of_too(self) -> None:
        life = self.asked()
        life.visit(prepared(), stage_job(), running_pod(), now=10)
        gone = Beside(departed=(ended_pod(message=COMPLETED),), confirmed=True)
        assert life.visit(prepared(), now=11, beside=gone).words == (Phase.SUCCEEDED, Reason.COMPLETED)

    def test_a_new_run_takes_the_place_of_a_retry(self) -> None:
        life = training()
        life.visit(prepared(), ended(code=1), now=5)
        life.asks(restartGeneration=1)
        assert life.visit(prepared(), ended(code=1), now=6).actions == (CreateStage("prepare", 2),)

    def test_a_suspended_job_begins_anew_once_it_may(self) -> None:
        life = training()
        life.asks(suspend=True)
        life.visit(prepared(), stage_job(), running_pod(), now=10)
        life.visit(prepared(), now=60)
        life.asks(restartGeneration=1)
        held = life.visit(prepared(), now=70)
        assert (held.words, held.actions) == ((Phase.SUSPENDED, Reason.SUSPENDED), ())
        life.asks(suspend=False)
        assert life.visit(prepared(), now=80).actions == (CreateStage("prepare", 2),)


def test_a_pod_of_the_run_before_that_still_writes_holds_the_new_one_back() -> None:
    life = over(verdict("userError"), 64)
    life.asks(restartGeneration=1)
    assert isinstance(life.visit(deleted(running_pod(), at(LATER)), now=LATER).standing, Fenced)


def test_what_is_wrong_may_be_mended_in_the_same_update() -> None:
    life = Life()
    word = verdict("userError", stage="prepare")
    assert life.visit(ended("prepare", code=64, message=word)).words == (Phase.FAILED, Reason.USER_ERROR)
    life.asks(restartGeneration=1, hours=3)
    seen = life.visit(now=LATER)
    assert seen.actions == (CreateStage("prepare", 2),)
    assert seen.status.resolved is not None
    assert run_document(Run(seen.view.job, seen.status.resolved, "prepare", 2))["limits"]["trainingSeconds"] == 10_800


def test_the_second_restart_is_a_third_run() -> None:
    life = over()
    life.asks(restartGeneration=1)
    word = verdict("userError", stage="prepare", attempt=2)
    life.visit(*in_run(1, *ended("prepare", 2, code=64, message=word)), now=LATER)
    life.asks(restartGeneration=5)
    seen = life.visit(now=2 * LATER)
    assert (seen.actions, seen.status.restart_generation) == ((CreateStage("prepare", 3),), 5)

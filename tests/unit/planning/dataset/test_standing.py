"""Where an inspection stands: it starts once, is tried again after transient failures only, and is judged for good."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.dataset.standing import (
    BackingOff,
    Done,
    Hindered,
    Judged,
    Underway,
    Wanted,
    latest_attempt,
    stand,
)
from finetune_operator.planning.kstatus import Word
from tests.unit.planning.dataset.registry import PLAN, REPORT, at, ended_pod, job, pod, stamp, view

HINDRANCE = Word("Reconciling", Reason.UNKNOWN_MODEL, "no such model")


def judged(condition: str, generation: int = 1) -> Json:
    found = {"type": condition, "status": "True", "reason": "x", "lastTransitionTime": stamp(at(0))}
    return {"observedGeneration": generation, "conditions": [found]}


@pytest.mark.parametrize("condition", ["Ready", "Stalled"])
def test_a_last_word_stays_whatever_happens_to_the_job(condition: str) -> None:
    assert stand(view([], [], status=judged(condition))) == Judged()
    assert stand(view([job(ended=0)], [ended_pod(1, "failed")], status=judged(condition))) == Judged()


def test_a_word_about_another_generation_is_not_the_last() -> None:
    assert isinstance(stand(view([], [], status=judged("Ready", generation=0))), Wanted)


def test_the_first_inspection_is_wanted_at_once() -> None:
    assert stand(view([], [])) == Wanted(PLAN, 1)


def test_without_a_plan_nothing_starts() -> None:
    assert stand(view([], [], plan=HINDRANCE)) == Hindered(HINDRANCE)


def test_an_inspection_that_runs_goes_on_even_when_the_plan_is_gone() -> None:
    assert isinstance(stand(view([job()], [pod()], plan=HINDRANCE)), Underway)


def test_a_job_that_is_over_counts_only_when_its_pod_is() -> None:
    assert isinstance(stand(view([job(ended=0)], [pod()])), Underway)


def test_a_verdict_that_completed_makes_it_valid() -> None:
    standing = stand(view([job(ended=0)], [ended_pod(report=REPORT)]))
    assert isinstance(standing, Done)
    assert standing.valid


def test_a_users_error_makes_it_invalid() -> None:
    standing = stand(view([job(ended=0)], [ended_pod(64, "userError")]))
    assert isinstance(standing, Done)
    assert not standing.valid


@pytest.mark.parametrize(("code", "result"), [(1, "failed"), (75, "retry"), (143, "retry"), (137, "failed")])
def test_anything_else_is_tried_again_under_the_next_number_after_a_wait(code: int, result: str) -> None:
    seen = [job(ended=5)], [ended_pod(code, result)]
    waiting = stand(view(*seen, now=14))
    assert isinstance(waiting, BackingOff)
    assert waiting.until == at(15)
    again = stand(view(*seen, now=15))
    assert isinstance(again, Wanted)
    assert again.attempt == 2


@given(st.integers(1, 500))
def test_the_wait_doubles_up_to_ten_minutes(attempt: int) -> None:
    standing = stand(view([job(attempt, ended=0)], [ended_pod(1, "failed", attempt)]))
    assert isinstance(standing, BackingOff)
    assert standing.until == at(min(10 * 2 ** min(attempt - 1, 10), 600))


def test_the_number_goes_on_from_the_status_when_the_job_vanished() -> None:
    seen = view([], [], status={"observedGeneration": 1, "job": "questions-abcde-inspect-3"})
    assert stand(seen) == Wanted(PLAN, 4)
    assert latest_attempt(seen) == 3


def test_only_the_latest_inspection_counts() -> None:
    jobs, pods = [job(1, ended=0), job(2)], [ended_pod(1, "failed", 1), pod(2)]
    standing = stand(view(jobs, pods))
    assert isinstance(standing, Underway)
    assert standing.inspection.job.attempt == 2


def test_a_job_that_somebody_labelled_by_hand_stops_nothing() -> None:
    odd = job()
    odd["metadata"]["labels"] = {"finetune.dev/stage": "inspect", "finetune.dev/attempt": "first"}
    assert stand(view([odd], [])) == Wanted(PLAN, 1)

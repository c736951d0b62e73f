"""A Job that comes when its attempt is over, made by an operator that had lost its Lease, is ended and holds nothing up."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CreateStage, Remove
from finetune_operator.planning.standing import Fenced, Underway
from tests.unit.planning.scene import at, ended, pod, prepared, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life, Visit


def in_its_second_attempt() -> Life:
    """A job whose first attempt was preempted and whose Job then went."""
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), ended(code=143), now=1)
    life.visit(prepared(), stage_job(attempt=2), running_pod(attempt=2), now=2)
    return life


def removed(seen: Visit) -> list[tuple[str, int]]:
    """The Jobs that are deleted."""
    return [(a.job.stage, a.job.attempt) for a in seen.actions if isinstance(a, Remove)]


@pytest.mark.parametrize("body", [pod(), running_pod()], ids=["it waits", "it runs"])
def test_it_is_ended_while_the_present_attempt_goes_on(body: Json) -> None:
    seen = in_its_second_attempt().visit(
        prepared(), stage_job(), body, stage_job(attempt=2), running_pod(attempt=2), now=3
    )
    assert isinstance(seen.standing, Underway)
    assert removed(seen) == [("train", 1)]


def test_the_next_attempt_starts_once_it_is_gone() -> None:
    life = in_its_second_attempt()
    over = ended(attempt=2, code=143)
    life.visit(prepared(), stage_job(), pod(), over, now=90)
    fenced = life.visit(prepared(), stage_job(), pod(), over, now=200)
    assert isinstance(fenced.standing, Fenced)
    assert removed(fenced) == [("train", 1)]
    assert CreateStage("train", 3) in life.visit(prepared(), over, now=210).actions


def test_it_is_ended_too_when_its_record_was_dropped_long_ago() -> None:
    life, now = in_its_second_attempt(), 0
    for number in range(2, 12):
        now += 400
        word = verdict("retry", attempt=number, step=10 * number)
        life.visit(prepared(), ended(attempt=number, code=75, message=word), now=now)
        seen = life.visit(prepared(), stage_job(attempt=number + 1), running_pod(attempt=number + 1), now=now + 1)
    assert ("train", 1) not in {(a.stage, a.number) for a in seen.status.attempts}
    seen = life.visit(prepared(), stage_job(), pod(), stage_job(attempt=12), running_pod(attempt=12), now=now + 2)
    assert removed(seen) == [("train", 1)]


def test_one_of_an_attempt_that_is_not_written_down_yet_is_nobodys_mistake() -> None:
    """The operator was killed between creating it and saying so."""
    life = Life()
    life.visit(prepared())
    assert removed(life.visit(prepared(), stage_job(created=at(1)), running_pod(), now=2)) == []

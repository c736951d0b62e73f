"""childrenTTLSecondsAfterFinished: the Jobs of a job that is over go in time, and its record stays."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import POLL_SECONDS, CreateStage, Needs, Remove, RemoveServices, decide
from tests.unit.planning.scene import at, deleted, ended, prepared, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life, Visit

CHILDREN = (prepared(), ended(message=verdict("completed", step=18)))
ENDS: dict[str, tuple[Json, int]] = {"succeeded": ({}, 0), "failed": ({}, 64)}


def over(ttl: int | None = 60, code: int = 0) -> Life:
    """A job that ended at NOW + 100 s."""
    life = Life({} if ttl is None else {"childrenTTLSecondsAfterFinished": ttl})
    life.visit(prepared(), stage_job(), running_pod())
    word = verdict("completed" if code == 0 else "userError")
    assert life.visit(prepared(), ended(code=code, message=word), now=100).status.completion_time == at(100)
    return life


def removed(seen: Visit) -> list[tuple[str, int]]:
    """The Jobs that are deleted."""
    return [(a.job.stage, a.job.attempt) for a in seen.actions if isinstance(a, Remove)]


def test_when_the_job_ends_it_is_known_when_to_look_again() -> None:
    life = Life({"childrenTTLSecondsAfterFinished": 60})
    life.visit(prepared(), stage_job(), running_pod())
    assert life.visit(*CHILDREN, now=100).again == 61
    assert Life({"childrenTTLSecondsAfterFinished": 0}).visit(*CHILDREN).again == 1


def test_an_operator_that_is_new_looks_again_in_time_too() -> None:
    life = over()
    for now, again in ((110, 50), (159.5, 0.5)):
        seen = life.visit(*CHILDREN, now=now)
        assert (seen.actions, seen.again) == ((), again)


@pytest.mark.parametrize("code", [0, 64], ids=["it succeeded", "it failed"])
def test_in_time_the_jobs_go_and_the_record_stays(code: int) -> None:
    life = over(code=code)
    before = life.status
    seen = life.visit(*CHILDREN, now=160)
    assert removed(seen) == [("prepare", 1), ("train", 1)]
    assert (seen.status, seen.again) == (before, POLL_SECONDS)
    gone = life.visit(now=170)
    assert (gone.actions, gone.status, gone.again) == ((), before, None)


def test_a_cancelled_job_is_cleared_up_too() -> None:
    life = Life({"childrenTTLSecondsAfterFinished": 60})
    life.visit(prepared(), stage_job())
    life.asks(cancel=True)
    life.visit(prepared(), stage_job(), now=1)
    assert life.visit(prepared(), now=2).words == (Phase.CANCELLED, Reason.CANCELLED)
    assert removed(life.visit(prepared(), now=62)) == [("prepare", 1)]


def test_a_job_that_goes_is_not_told_twice_and_not_looked_at_all_the_time() -> None:
    going = (deleted(stage_job(ended="Complete"), at(160)), ended(message=verdict())[1])
    seen = over().visit(*going, now=165)
    assert (seen.actions, seen.again) == ((), None)


def test_without_a_time_they_stay_for_ever() -> None:
    seen = over(ttl=None).visit(*CHILDREN, now=10**8)
    assert (seen.actions, seen.again) == ((), None)


def test_a_time_that_is_named_after_the_end_counts_from_the_end() -> None:
    life = over(ttl=None)
    life.asks(childrenTTLSecondsAfterFinished=60)
    assert removed(life.visit(*CHILDREN, now=500)) == [("prepare", 1), ("train", 1)]


def test_a_job_that_goes_on_loses_no_child() -> None:
    life = Life({"childrenTTLSecondsAfterFinished": 0})
    life.visit(prepared(), stage_job(), running_pod())
    assert life.visit(prepared(), stage_job(), running_pod(), now=10**6).actions == ()


def test_a_new_run_is_numbered_on_although_all_jobs_are_gone() -> None:
    life = over()
    life.asks(restartGeneration=1)
    assert life.visit(now=500).actions == (CreateStage("prepare", 2),)


def test_the_services_of_several_nodes_go_before_the_jobs_that_lead_to_them() -> None:
    seen = over().visit(*CHILDREN, now=160)
    assert decide(seen.standing, Needs(nodes=1)) == seen.actions
    assert decide(seen.standing, Needs(nodes=2)) == (RemoveServices(), *seen.actions)
    assert decide(seen.standing, Needs(nodes=1, earlier=True)) == (RemoveServices(), *seen.actions)
    early = over().visit(*CHILDREN, now=110)
    assert decide(early.standing, Needs(nodes=2)) == ()

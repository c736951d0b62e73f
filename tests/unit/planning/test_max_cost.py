"""maxCost: the budget in money ends a run as the hours do, and says so."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.control import control_of
from finetune_operator.planning.run_config import Run, run_document
from tests.unit.planning.scene import (
    a_job,
    ended,
    prepared,
    resolved_for,
    running_pod,
    scene,
    stage_job,
    told,
    verdict,
)
from tests.unit.planning.visits import Life

EURO = {"pricePerHour": 2.0, "currency": "EUR"}
ENDS: dict[str, tuple[Json, Reason]] = {
    "the money": ({"hours": 10, "maxCost": 3}, Reason.MAX_COST_REACHED),
    "the hours": ({"hours": 1, "maxCost": 3}, Reason.HOURS_EXHAUSTED),
    "the hours of who set no limit": ({"hours": 1}, Reason.HOURS_EXHAUSTED),
}


@pytest.mark.parametrize(("spec", "reason"), ENDS.values(), ids=ENDS)
def test_a_training_that_used_up_its_budget_ended_for(spec: Json, reason: Reason) -> None:
    job = a_job(spec)
    status = FineTuneJobStatus(resolved=resolved_for(job, **EURO))
    done = told(scene(a_job(spec, status), prepared(), ended(message=verdict("deadline", step=7))))
    assert (done.phase, done.reason) == (Phase.SUCCEEDED, reason)


def test_the_message_speaks_of_the_cost_and_not_of_the_hours() -> None:
    spec = {"hours": 10, "maxCost": 3}
    status = FineTuneJobStatus(resolved=resolved_for(a_job(spec), **EURO))
    word = verdict("deadline", step=7, message="step 7 of 20; the training hours are used up")
    done = told(scene(a_job(spec, status), prepared(), ended(message=word)))
    assert done.message == "maxCost, 3 EUR, is reached after step 7: the training ended there"
    assert (done.attempts[-1].reason, done.attempts[-1].message) == ("MaxCostReached", done.message)


def test_raised_while_the_model_is_published_it_does_not_change_why_the_training_ended() -> None:
    spec = {"hours": 10, "maxCost": 3, "output": {"merge": "merged"}}
    life = Life(spec, FineTuneJobStatus(resolved=resolved_for(a_job(spec), **EURO)))
    trained = ended(message=verdict("deadline", step=7))
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), trained, stage_job("publish"), now=1)
    life.asks(maxCost=300)
    published = ended("publish", message=verdict("completed", stage="publish", message="merged"))
    assert life.visit(prepared(), trained, published, now=9).words == (Phase.SUCCEEDED, Reason.MAX_COST_REACHED)


def test_a_training_that_was_done_before_has_completed() -> None:
    spec = {"hours": 10, "maxCost": 3}
    status = FineTuneJobStatus(resolved=resolved_for(a_job(spec), **EURO))
    done = told(scene(a_job(spec, status), prepared(), ended(message=verdict("completed", step=7))))
    assert done.reason == Reason.COMPLETED


def test_the_trainer_is_told_of_it_at_the_start_and_with_each_reply() -> None:
    spec = {"hours": 10, "maxCost": 3}
    resolved = resolved_for(a_job(spec), **EURO)
    job = a_job(spec, FineTuneJobStatus(resolved=resolved))
    assert run_document(Run(job, resolved, "train", 1))["limits"]["trainingSeconds"] == 5400
    assert control_of(job)["budgetSeconds"] == 5400
    raised = a_job({"hours": 10, "maxCost": 6}, FineTuneJobStatus(resolved=resolved))
    assert control_of(raised)["budgetSeconds"] == 10_800

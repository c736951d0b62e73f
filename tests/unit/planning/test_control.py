"""The reply to a progress report: the budget as it is now, and a stop that is meant."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.status import Attempt, FineTuneJobStatus
from finetune_operator.planning.control import control_of
from tests.unit.planning.scene import NOW, a_job, at, resolved_for

EURO = {"pricePerHour": 2.0, "currency": "EUR"}


def attempt(**more: object) -> Attempt:
    """The first attempt at training."""
    return Attempt.model_validate({"stage": "train", "number": 1, "job": "j", "start_time": NOW, **more})


def test_a_trainer_learns_the_whole_budget() -> None:
    assert control_of(a_job({"hours": 1.5})) == {"budgetSeconds": 5400, "stop": False}


def test_hours_that_were_raised_reach_a_running_trainer() -> None:
    accepted = FineTuneJobStatus(resolved=resolved_for(a_job({"hours": 1})))
    assert control_of(a_job({"hours": 2}, accepted))["budgetSeconds"] == 7200


def test_a_cost_limit_is_seconds_to_a_trainer() -> None:
    status = FineTuneJobStatus(resolved=resolved_for(a_job({"hours": 10}), **EURO))
    assert control_of(a_job({"hours": 10, "maxCost": 3}, status))["budgetSeconds"] == 5400


def test_a_stop_reaches_a_running_trainer() -> None:
    assert control_of(a_job({"stop": True}, FineTuneJobStatus(attempts=(attempt(),))))["stop"] is True


OTHER_ENDS: dict[str, tuple[Json, FineTuneJobStatus]] = {
    "suspended": ({"suspend": True}, FineTuneJobStatus()),
    "cancelled": ({"cancel": True}, FineTuneJobStatus()),
    "begun anew": ({"restartGeneration": 2}, FineTuneJobStatus(restart_generation=1)),
    "told to end": ({}, FineTuneJobStatus(attempts=(attempt(ends_for="Suspended"),))),
}


@pytest.mark.parametrize(("spec", "status"), OTHER_ENDS.values(), ids=OTHER_ENDS)
def test_an_attempt_that_ends_otherwise_gets_no_stop(spec: Json, status: FineTuneJobStatus) -> None:
    assert control_of(a_job({"stop": True, **spec}, status))["stop"] is False


def test_an_attempt_that_was_ended_earlier_keeps_no_stop_from_the_next() -> None:
    over = FineTuneJobStatus(attempts=(attempt(ends_for="Suspended", end_time=at(5), outcome="Requested"),))
    assert control_of(a_job({"stop": True}, over))["stop"] is True

"""The budget: hours, the catalog's limits and the cost limit are one number of seconds, and which of them ends a run is known."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.planning.budget import LEAST_SECONDS, budget_seconds, ends_by_cost
from tests.unit.planning.scene import a_job, resolved_for

EURO = {"pricePerHour": 2.0, "currency": "EUR"}
BUDGETS: dict[str, tuple[Json, Json, float, bool]] = {
    "the hours": ({"hours": 1.5}, {}, 5400, False),
    "a week when nothing is said": ({"hours": None}, {}, 168 * 3600, False),
    "what the hardware allows": ({"hours": None}, {"limits": {"hours": 6}}, 6 * 3600, False),
    "what the money buys": ({"hours": 10, "maxCost": 3}, EURO, 5400, True),
    "what it buys of all nodes": ({"hours": 10, "maxCost": 3, "nodes": 2}, EURO, 2700, True),
    "the hours, when the money lasts longer": ({"hours": 1, "maxCost": 3}, EURO, 3600, False),
    "the hours, when the money lasts as long": ({"hours": 1.5, "maxCost": 3}, EURO, 5400, False),
    "the hours, when nothing costs anything": ({"hours": 1, "maxCost": 3}, {}, 3600, False),
    "the hours, when the price is 0": ({"hours": 1, "maxCost": 3}, EURO | {"pricePerHour": 0}, 3600, False),
    "not nothing, when nothing may be spent": ({"hours": 1, "maxCost": 0}, EURO, LEAST_SECONDS, True),
}


@pytest.mark.parametrize(("spec", "hardware", "seconds", "by_cost"), BUDGETS.values(), ids=BUDGETS)
def test_the_budget_is(spec: Json, hardware: Json, seconds: float, by_cost: bool) -> None:  # noqa: FBT001 - a column
    job = a_job(spec)
    resolved = resolved_for(job, **hardware)
    assert budget_seconds(job.spec, resolved) == pytest.approx(seconds)
    assert ends_by_cost(job.spec, resolved) == by_cost


def test_before_the_hardware_is_chosen_no_price_is_known() -> None:
    job = a_job({"hours": 1, "maxCost": 0.1})
    assert budget_seconds(job.spec, None) == 3600
    assert not ends_by_cost(job.spec, None)

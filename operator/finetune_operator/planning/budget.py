"""How long a run may train: the hours, or what the cost limit buys, whichever is less."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.resolving.limits import budget_hours

SECONDS_PER_HOUR: Final = 3600
LEAST_SECONDS: Final = 1.0
"""The contract has no budget of nothing: a cost limit of 0 ends the training after its first step."""


def budget_seconds(spec: FineTuneJobSpec, resolved: Resolved | None) -> float:
    """Training seconds of a run, over all its attempts: the least of hours, of what the catalog allows, and of maxCost."""
    hours = budget_hours(spec, resolved) * SECONDS_PER_HOUR
    bought = _bought_seconds(spec, resolved)
    return hours if bought is None else max(LEAST_SECONDS, min(hours, bought))


def ends_by_cost(spec: FineTuneJobSpec, resolved: Resolved | None) -> bool:
    """Whether the budget is used up because of maxCost and not because of the hours; of equals, the hours are meant."""
    bought = _bought_seconds(spec, resolved)
    return bought is not None and bought < budget_hours(spec, resolved) * SECONDS_PER_HOUR


def _bought_seconds(spec: FineTuneJobSpec, resolved: Resolved | None) -> float | None:
    """What maxCost pays for; None where there is no limit, or nothing costs anything."""
    price = resolved.instance_type.price_per_hour if resolved else None
    if spec.max_cost is None or resolved is None or not price:
        return None
    return spec.max_cost / (price * resolved.nodes) * SECONDS_PER_HOUR

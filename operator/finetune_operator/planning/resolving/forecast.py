"""Time and cost: at admission the most that the budget allows, and once the data are known what they will take."""

from __future__ import annotations

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Estimate, Report
from finetune_operator.planning.resolving.limits import budget_hours
from finetune_operator.planning.resolving.subject import Subject
from finetune_operator.planning.sizing.outlook import Outlook, Rows, outlook

SECONDS_PER_HOUR = 3600


def upper_bound(spec: FineTuneJobSpec, resolved: Resolved) -> Estimate:
    """The whole budget, and what it costs."""
    hours, nodes, instance = budget_hours(spec, resolved), resolved.nodes, resolved.instance_type
    price = instance.price_per_hour
    if price is None:
        return Estimate(training_seconds=hours * SECONDS_PER_HOUR, message=f"at most {hours:g} h")
    cost = round(hours * price * nodes, 2)
    times = f" x {nodes} nodes" if nodes > 1 else ""
    message = f"at most {hours:g} h{times} x {price:g} {instance.currency} = {cost:.2f} {instance.currency}"
    return Estimate(training_seconds=hours * SECONDS_PER_HOUR, cost=cost, currency=instance.currency, message=message)


def by_data(spec: FineTuneJobSpec, resolved: Resolved, subject: Subject, report: Report | None) -> Outlook | None:
    """What the data take; None where that cannot be reckoned."""
    if report is None or not report.rows:
        return None
    count = (report.frames or report.rows) if subject.robot else report.rows
    rows = Rows(count, None if subject.robot or not report.tokens else report.tokens)
    return outlook(subject.on(resolved.instance_type), rows, budget_hours(spec, resolved))

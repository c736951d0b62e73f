"""Text for the columns of ``kubectl get``: it would print 0.1 + 0.2 with all its digits, and a future date as invalid."""

from __future__ import annotations

import math

from finetune_operator.api.course import Progress, Usage
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Display
from finetune_operator.planning.budget import SECONDS_PER_HOUR
from finetune_operator.planning.resolving.limits import budget_hours
from finetune_operator.planning.standing import STAGES, View

SECONDS_PER_MINUTE = 60
LONGEST = 128
ONE_TENTH = 0.1
MOST_DECIMALS = 6


def display_of(view: View, resolved: Resolved | None, progress: Progress | None, usage: Usage) -> Display:
    """All columns that are not a field of their own."""
    job = view.job
    loss = progress.metrics.get("loss") if progress else None
    percentage = progress.percentage if progress else None
    return Display(
        model=_model(job.spec, resolved)[:LONGEST],
        instance=_instance(job.spec, resolved),
        progress=None if percentage is None else f"{percentage}%",
        eta=_eta(progress),
        loss=None if loss is None else f"{loss:.4g}",
        hours=f"{usage.training_seconds / SECONDS_PER_HOUR:.2f}/{budget_hours(job.spec, resolved):g}",
        cost=_cost(usage, job.spec.max_cost),
        attempt=_attempt(view),
    )


def _model(spec: FineTuneJobSpec, resolved: Resolved | None) -> str:
    """As the job names it; the name of the catalog where it names none."""
    return spec.model.name or (resolved.model.name if resolved and resolved.model else None) or spec.model.type or ""


def _instance(spec: FineTuneJobSpec, resolved: Resolved | None) -> str | None:
    name = spec.instance_type or (resolved.instance_type_name if resolved else None)
    return f"{spec.nodes} x {name}" if name and spec.nodes > 1 else name


def _cost(usage: Usage, most: float | None) -> str | None:
    """Accrued, of the most that it may be: 0.0012/3 EUR. What is less than a tenth has two digits that say something."""
    if usage.cost is None:
        return None
    small = 0 < usage.cost < ONE_TENTH
    digits = min(1 - math.floor(math.log10(usage.cost)), MOST_DECIMALS) if small else 2
    return f"{usage.cost:.{digits}f}{'' if most is None else f'/{_plain(most)}'} {usage.currency or ''}".rstrip()


def _plain(amount: float) -> str:
    """As somebody would write it: no exponent, no zeros behind."""
    return f"{amount:.{MOST_DECIMALS}f}".rstrip("0").rstrip(".")


def _eta(progress: Progress | None) -> str | None:
    """What is left in the two largest units: 2h05m, 4m, 30s; nothing once it is over."""
    seconds = progress.estimated_remaining_seconds if progress else None
    if not seconds:
        return None
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    minutes = rest // SECONDS_PER_MINUTE
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m" if minutes else f"{seconds}s"


def _attempt(view: View) -> str | None:
    """The latest attempt that there is or was: train 2. A Job that was removed for a suspended job is only recorded."""
    there = [(job.created, STAGES.index(job.stage), job.attempt) for job in view.observed.jobs]
    recorded = [(a.start_time, STAGES.index(a.stage), a.number) for a in view.job.status.attempts]
    newest = max([*there, *recorded], default=None)
    return f"{STAGES[newest[1]]} {newest[2]}" if newest else None

"""How far a run is and what it used: progress, training time, hardware, cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from finetune_operator.api.course import Progress, Usage
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Attempt, Stage
from finetune_operator.planning import progress as reported
from finetune_operator.planning.attempts import record_of, saved
from finetune_operator.planning.budget import SECONDS_PER_HOUR, budget_seconds
from finetune_operator.planning.ending import Verdict
from finetune_operator.planning.records import fresh_endings
from finetune_operator.planning.standing import View

WHOLE: Final = 100
"""Percent."""
MONEY_DECIMALS: Final = 6
"""Of a price: what a second costs on the smallest hardware must not be lost."""


def progress_of(view: View, *, trains: bool = True) -> Progress | None:
    """The last word: of the verdict if there is one, else of what the trainer pushed, else what the status says.

    While nothing ``trains`` nobody can say how long it will still take.
    """
    verdict, pushed = _train_verdict(view), _pushed(view)
    if verdict and verdict.step is not None:
        found: Progress | None = _from_verdict(verdict, view)
    else:
        found = _from_push(pushed, view) if pushed and pushed.step else _as_before(view)
    if found is None or trains or not found.estimated_remaining_seconds:
        return found
    return found.model_copy(update={"estimated_remaining_seconds": None})


def usage_of(view: View, resolved: Resolved | None, attempts: Iterable[Attempt]) -> Usage:
    """Nothing of it ever shrinks: a report that comes late must not give hours back.

    ``attempts``: as the new status will have them. What waits is counted once it runs, what holds GPUs with each report
    and at its end, so that a status with nothing new to say stays as it is.
    """
    old, own = view.job.status.usage or Usage(), [a for a in attempts if a.run == view.job.run]
    trained, wasted = _trained(view, old)
    gpu, until = _held(view, resolved, own)
    usage = Usage(
        training_seconds=trained,
        wasted_seconds=wasted,
        queued_seconds=round(old.queued_seconds + sum(_queued(view, a) for a in own if a.stage == "train"), 1),
        preparing_seconds=round(old.preparing_seconds + sum(_took(view, a) for a in own if a.stage == "prepare"), 1),
        gpu_seconds=gpu,
        counted_until=until,
    )
    instance = resolved.instance_type if resolved else None
    if resolved is None or instance is None or instance.price_per_hour is None:
        return usage
    cost = round(trained / SECONDS_PER_HOUR * instance.price_per_hour * resolved.nodes, MONEY_DECIMALS)
    return usage.model_copy(update={"cost": cost, "currency": instance.currency})


def _trained(view: View, old: Usage) -> tuple[float, float]:
    """Training seconds, and of these the lost ones."""
    verdict, pushed = _train_verdict(view), _pushed(view)
    trained = (old.training_seconds, verdict and verdict.training_seconds, pushed and pushed.training_seconds)
    wasted = (old.wasted_seconds, verdict and verdict.wasted_seconds, pushed and pushed.wasted_seconds)
    return round(max(s or 0.0 for s in trained), 1), round(max(s or 0.0 for s in wasted), 1)


def _queued(view: View, attempt: Attempt) -> float:
    """Seconds from its Job to its container, in the write that first knows them."""
    before = record_of(view.job, attempt.stage, attempt.number)
    until = attempt.running_time or attempt.end_time
    known = before is not None and (before.running_time or before.end_time)
    return 0.0 if known or until is None else max(0.0, (until - attempt.start_time).total_seconds())


def _took(view: View, attempt: Attempt) -> float:
    """Seconds from its Job to its end, in the write that first knows them."""
    before = record_of(view.job, attempt.stage, attempt.number)
    known = before is not None and before.end_time
    return 0.0 if known or attempt.end_time is None else (attempt.end_time - attempt.start_time).total_seconds()


def _held(view: View, resolved: Resolved | None, own: list[Attempt]) -> tuple[float, datetime | None]:
    """Seconds that GPUs were held, times their number, and until when that is counted.

    Attempts never overlap, so that one point in time is enough to count none of them twice: an attempt may have ended
    and the next one have begun since the status was last written.
    """
    old, pushed = view.job.status.usage or Usage(), _pushed(view)
    gpu = resolved.instance_type.gpu if resolved else None
    seconds, counted = 0.0, old.counted_until
    for attempt in sorted((a for a in own if a.stage == "train"), key=lambda a: a.number):
        heard = pushed.as_of.replace(microsecond=0) if pushed and pushed.attempt == attempt.number else None
        since, until = _holds_since(view, attempt), attempt.end_time or heard
        if gpu and since and until and until > max(since, counted or since):
            seconds, counted = seconds + (until - max(since, counted or since)).total_seconds(), until
    per_second = gpu.count * resolved.nodes if gpu and resolved else 0
    return round(old.gpu_seconds + seconds * per_second, 1), counted


def _holds_since(view: View, attempt: Attempt) -> datetime | None:
    """Since when its present pod runs: one that a queue took away before it has freed what it held."""
    child = view.observed.job("train", attempt.number)
    present = child.pod.started if child and child.pod else None
    return present if attempt.running_time and present and present > attempt.running_time else attempt.running_time


def _pushed(view: View) -> reported.Progress | None:
    """What the trainer pushed, unless its attempt is of an earlier run or has had its last word: that was later."""
    pushed = view.observed.progress
    if pushed is None:
        return None
    record, child = record_of(view.job, "train", pushed.attempt), _child(view, "train", pushed.attempt)
    if record is not None:
        return None if record.end_time is not None or record.run != view.job.run else pushed
    return pushed if child is None or child == view.job.run else None


def _child(view: View, stage: Stage, attempt: int) -> int | None:
    child = view.observed.job(stage, attempt)
    return child.run if child else None


def _train_verdict(view: View) -> Verdict | None:
    verdicts = [ending.verdict for ending in fresh_endings(view, "train") if ending.verdict]
    return verdicts[-1] if verdicts else None


def _as_before(view: View) -> Progress | None:
    """What the status says; of a budget that was changed meanwhile it is another share."""
    old = view.job.status.progress
    if old is None or old.percentage in {None, WHOLE} or not _asked_anew(view):
        return old
    return old.model_copy(update={"percentage": _percentage(view, old.step, old.total_steps)})


def _from_verdict(verdict: Verdict, view: View) -> Progress:
    old, done = view.job.status.progress, verdict.result in {"completed", "deadline", "stopped"}
    return Progress(
        step=verdict.step or 0,
        total_steps=verdict.total_steps or None,
        epoch=verdict.epoch,
        total_epochs=old.total_epochs if old else None,
        percentage=WHOLE if done else _percentage(view, verdict.step or 0, verdict.total_steps),
        estimated_remaining_seconds=0 if done else None,
        trained_tokens=verdict.trained_tokens,
        checkpoint_step=verdict.step if saved(verdict) else old and old.checkpoint_step,
        metrics=verdict.metrics or (old.metrics if old else {}),
        last_updated_time=view.now,
    )


def _from_push(pushed: reported.Progress, view: View) -> Progress:
    budget = budget_seconds(view.job.spec, view.job.status.resolved)
    return Progress(
        step=pushed.step,
        total_steps=pushed.total_steps,
        epoch=pushed.epoch,
        total_epochs=pushed.total_epochs,
        percentage=_percentage(view, pushed.step, pushed.total_steps),
        estimated_remaining_seconds=_remaining(pushed, budget),
        trained_tokens=pushed.trained_tokens,
        checkpoint_step=pushed.checkpoint_step,
        metrics=dict(pushed.metrics),
        last_updated_time=pushed.as_of.replace(microsecond=0),
    )


def _percentage(view: View, step: int, total: int | None) -> int:
    """Whole percent of steps or hours, whichever end first; 100 is kept for the end, which only a verdict tells.

    It never falls over a resume, though steps that were lost are trained again: it falls only when there is more to do.
    """
    used, _ = _trained(view, view.job.status.usage or Usage())
    fraction = max(step / total if total else 0, used / budget_seconds(view.job.spec, view.job.status.resolved))
    found = max(0, min(WHOLE - 1, int(fraction * WHOLE)))
    old = view.job.status.progress
    replanned = _asked_anew(view) or old is None or (total or old.total_steps) != old.total_steps
    return found if replanned or old is None else max(found, old.percentage or 0)


def _asked_anew(view: View) -> bool:
    """Whether the spec was edited since the status was written: hours or maxCost may be others."""
    return view.job.generation != view.job.status.observed_generation


def _remaining(pushed: reported.Progress, budget: float) -> int | None:
    """Seconds until steps or hours end, whichever is first; None before there is a pace."""
    if pushed.seconds_per_step is None or not pushed.total_steps:
        return None
    by_steps = (pushed.total_steps - pushed.step) * pushed.seconds_per_step
    return max(0, round(min(by_steps, budget - (pushed.training_seconds or 0))))

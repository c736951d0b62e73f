"""How far a job is and what it used: progress, training time, cost."""

from __future__ import annotations

from datetime import datetime

from finetune_operator.api.status import Progress, Resolved, Usage
from finetune_operator.planning import progress as reported
from finetune_operator.planning.ending import Verdict
from finetune_operator.planning.records import fresh_endings
from finetune_operator.planning.standing import View, record_of

SECONDS_PER_HOUR = 3600


def progress_of(view: View) -> Progress | None:
    """The last word: of the verdict if there is one, else of what the trainer pushed, else what the status says."""
    verdict = _train_verdict(view)
    if verdict and verdict.step is not None:
        return _from_verdict(verdict, view.now, view.job.status.progress)
    pushed = view.observed.progress
    if pushed is None or not pushed.step or _told_already(view, pushed):
        return view.job.status.progress
    return _from_push(pushed, view)


def usage_of(view: View, resolved: Resolved | None) -> Usage:
    """Training time never shrinks: a report that comes late must not give hours back."""
    verdict, pushed, old = _train_verdict(view), view.observed.progress, view.job.status.usage or Usage()
    seconds = max(
        old.training_seconds,
        (verdict.training_seconds or 0) if verdict else 0,
        (pushed.training_seconds or 0) if pushed else 0,
    )
    instance = resolved.instance_type if resolved else None
    if resolved is None or instance is None or instance.price_per_hour is None:
        return Usage(training_seconds=round(seconds, 1))
    cost = round(seconds / SECONDS_PER_HOUR * instance.price_per_hour * resolved.nodes, 4)
    return Usage(training_seconds=round(seconds, 1), cost=cost, currency=instance.currency)


def _told_already(view: View, pushed: reported.Progress) -> bool:
    """An attempt whose end is recorded had its last word: what it pushed before that is older."""
    record = record_of(view.job, "train", pushed.attempt)
    return record is not None and record.end_time is not None


def _train_verdict(view: View) -> Verdict | None:
    verdicts = [ending.verdict for ending in fresh_endings(view, "train") if ending.verdict]
    return verdicts[-1] if verdicts else None


def _from_verdict(verdict: Verdict, now: datetime, old: Progress | None) -> Progress:
    done = verdict.result in {"completed", "deadline", "stopped"}
    fraction = (verdict.step or 0) / verdict.total_steps if verdict.total_steps else 0
    return Progress(
        step=verdict.step or 0,
        total_steps=verdict.total_steps or None,
        epoch=verdict.epoch,
        total_epochs=old.total_epochs if old else None,
        percentage=100 if done else _percentage(fraction),
        estimated_remaining_seconds=0 if done else None,
        trained_tokens=verdict.trained_tokens,
        checkpoint_step=verdict.step,
        metrics=verdict.metrics or (old.metrics if old else {}),
        last_updated_time=now,
    )


def _from_push(pushed: reported.Progress, view: View) -> Progress:
    budget = view.job.hours * SECONDS_PER_HOUR
    of_steps = pushed.step / pushed.total_steps if pushed.total_steps else 0
    of_hours = (pushed.training_seconds or 0) / budget
    return Progress(
        step=pushed.step,
        total_steps=pushed.total_steps,
        epoch=pushed.epoch,
        total_epochs=pushed.total_epochs,
        percentage=_percentage(max(of_steps, of_hours)),
        estimated_remaining_seconds=_remaining(pushed, budget),
        trained_tokens=pushed.trained_tokens,
        checkpoint_step=pushed.checkpoint_step,
        metrics=dict(pushed.metrics),
        last_updated_time=pushed.received_at.replace(microsecond=0),
    )


def _percentage(fraction: float) -> int:
    """Whole percent; 100 is kept for the end, which only a verdict tells."""
    return max(0, min(99, int(fraction * 100)))


def _remaining(pushed: reported.Progress, budget: float) -> int | None:
    """Seconds until steps or hours end, whichever is first; None before there is a pace."""
    if pushed.seconds_per_step is None or not pushed.total_steps:
        return None
    by_steps = (pushed.total_steps - pushed.step) * pushed.seconds_per_step
    return max(0, round(min(by_steps, budget - (pushed.training_seconds or 0))))

"""Why the operator ends an attempt that goes on: what its owner asks for, and the limits that the job sets itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.planning.attempts import checkpoint_known, record_of
from finetune_operator.planning.budget import budget_seconds
from finetune_operator.planning.claim_fields import with_field
from finetune_operator.planning.ending import DOING
from finetune_operator.planning.observed import ObservedJob
from finetune_operator.planning.progress import Progress
from finetune_operator.planning.staging import STAGE_LIMIT_HOURS
from finetune_operator.planning.standing import View
from finetune_operator.planning.waiting import Why, why_waiting

START_DEADLINE: Final = timedelta(minutes=30)
"""For a start that somebody must mend, when the job names no limit of its own."""
UNMENDED: Final = frozenset(
    {Reason.IMAGE_PULL_FAILED, Reason.VOLUME_NOT_READY, Reason.CONTAINER_NOT_STARTED, Reason.POD_REFUSED}
)
"""What does not come about by waiting, other than a queue, a quota or a free node."""
OVERRUN_SHARE: Final = 1.25
OVERRUN: Final = timedelta(minutes=30)
"""Beyond the budget and a quarter of it, half an hour more: the trainer's own PID 1 ends it far earlier."""
UNREPORTED: Final = timedelta(hours=2)
"""For loading and saving, where an image reports no training time."""
STALL_FACTOR: Final = 2
"""The trainer's own watchdog has the time that the job names; the operator is behind it."""
LONG_ACTIVITIES: Final = frozenset({"loading", "evaluation", "save", "finishing"})
LONG_ACTIVITY_FACTOR: Final = 3
"""These may take longer than a step without a sign of life."""
SUSPENDS: Final = {
    "prepare": "the check ends and begins anew later",
    "train": "the attempt saves a checkpoint and ends, then the hardware is free",
    "publish": "publishing ends and begins anew later",
}
"""What an attempt does that is suspended, by its stage."""


@dataclass(frozen=True)
class Cause:
    """Why an attempt is to end."""

    reason: Reason
    message: str


def cause_to_end(view: View, job: ObservedJob, *, newer_run: bool) -> Cause | None:
    """Why this attempt is to end; what was once said stays so, whatever is asked meanwhile but to be quicker."""
    record = record_of(view.job, job.stage, job.attempt)
    if record and record.ends_for and not view.job.spec.cancel:
        reason, said = next((r for r in Reason if r == record.ends_for), Reason.CANCELLED), view.job.status
        whole = said.message if said.reason == reason else None
        return Cause(reason, whole or record.message or reason.sentence)
    return _asked(view, job, newer_run=newer_run) or _overdue(view, job)


def deadline_of(view: View, job: ObservedJob) -> datetime | None:
    """When an attempt that trains is looked at again although nothing happens."""
    overrun = overrun_time(view, job)
    begins = overrun if overrun and overrun > view.now else fuse_time(view, job)
    times = (begins, stage_limit_time(view, job), _stall_time(view, job))
    return min((time for time in times if time), default=None)


def fuse_time(view: View, job: ObservedJob) -> datetime | None:
    """When an attempt that trains must be over, if its trainer kept to the budget; None before it runs."""
    overrun = overrun_time(view, job)
    return overrun + OVERRUN if overrun else None


def overrun_time(view: View, job: ObservedJob) -> datetime | None:
    """When an attempt that trains is beyond its budget and a quarter of it; None before it runs.

    By its own count of training time where it reports one, else by the time since its container ran. What earlier
    attempts used is not taken off that: a new operator cannot tell it from what this one has used. Of one that is
    beyond it, when that was first seen: a budget that was lowered must be heard of before it can be kept.
    """
    since = job.pod.running_since if job.pod and job.stage == "train" else None
    if since is None:
        return None
    longest, pushed = budget_seconds(view.job.spec, view.job.status.resolved) * OVERRUN_SHARE, _heard(view, job)
    if pushed and pushed.training_seconds is not None:
        time = pushed.as_of + timedelta(seconds=longest - pushed.training_seconds)
    else:
        time = since + timedelta(seconds=longest) + UNREPORTED
    if time > view.now:
        return time
    record = record_of(view.job, job.stage, job.attempt)
    return (record.overrun_time if record else None) or view.now


def stage_limit_time(view: View, job: ObservedJob) -> datetime | None:
    """When a stage on CPU has run for as long as it may; None for training, which has its hours, and before it runs."""
    since = job.pod.running_since if job.pod and job.stage != "train" else None
    return since + timedelta(hours=_stage_hours(view)) if since else None


def start_limit_time(view: View, job: ObservedJob) -> datetime | None:
    """When a stage that has not run yet must have started, by the job's own word."""
    limit = None if _has_run(view, job) else view.job.spec.start_deadline_seconds
    return job.created + timedelta(seconds=limit) if limit else None


def _asked(view: View, job: ObservedJob, *, newer_run: bool) -> Cause | None:
    spec = view.job.spec
    if spec.cancel:
        return Cause(Reason.CANCELLED, "the pods get five seconds and need not save")
    if newer_run:
        return Cause(Reason.RESTARTED, "restartGeneration was raised: this attempt saves and ends")
    if spec.suspend:
        return Cause(Reason.SUSPENDED, SUSPENDS[job.stage])
    return Cause(Reason.STOPPED, "stopped before this attempt trained") if spec.stop and _needless(view, job) else None


def _needless(view: View, job: ObservedJob) -> bool:
    """Whether a job that is to stop can do without this attempt. What trains is told so; what leads to a model goes on."""
    match job.stage:
        case "prepare":
            return not checkpoint_known(view)
        case "train":
            return not job.finishes and not any(pod.running_since for pod in job.pods)
        case "publish":
            return False


def _overdue(view: View, job: ObservedJob) -> Cause | None:
    why = why_waiting(job, view.observed.hints)
    if why:
        return _not_started(view, job, why)
    fuse, limit = fuse_time(view, job), stage_limit_time(view, job)
    if limit and view.now >= limit:
        hours = _stage_hours(view)
        message = f"{DOING[job.stage]} has run for {hours:g} h, the longest that a stage on CPU may"
        return Cause(Reason.STAGE_DEADLINE_EXCEEDED, message)
    if fuse and view.now >= fuse:
        hours = budget_seconds(view.job.spec, view.job.status.resolved) / 3600
        return Cause(Reason.DEADLINE_EXCEEDED, f"the trainer goes on long after its {hours:g} h were used up")
    stalled, heard = _stall_time(view, job), _heard(view, job)
    if heard and stalled and view.now >= stalled:
        return Cause(Reason.STEP_STALLED, f"no sign of life since {heard.received_at:%H:%M:%S} UTC")
    return None


def _not_started(view: View, job: ObservedJob, why: Why) -> Cause | None:
    begin, until = job.created, start_limit_time(view, job)
    if until is None and why.reason in UNMENDED:
        begin = told_since(view, why.reason)
        until = begin + START_DEADLINE
    if until is None or view.now < until:
        return None
    message = f"not started within {(until - begin).total_seconds():g} s: {with_field(why.message, view.job.spec)}"
    return Cause(Reason.START_DEADLINE_EXCEEDED, message)


def _stage_hours(view: View) -> float:
    resolved = view.job.status.resolved
    return (resolved.stage_limit_hours if resolved else None) or STAGE_LIMIT_HOURS


def told_since(view: View, *reasons: Reason) -> datetime:
    """Since when the status gives one of these reasons. What was waited for before that is no part of it."""
    status = view.job.status
    return status.reason_time if status.reason in reasons and status.reason_time else view.now


def _has_run(view: View, job: ObservedJob) -> bool:
    """Whether it ran before and waits again: a queue that preempts a Job takes its pods and keeps the Job."""
    record = record_of(view.job, job.stage, job.attempt)
    return record is not None and record.running_time is not None


def _stall_time(view: View, job: ObservedJob) -> datetime | None:
    """When its silence is too long. Only of who has reported: an image need not, and an operator may be new."""
    limit, pushed = view.job.spec.stall_timeout_seconds, _heard(view, job)
    if limit is None or pushed is None or job.over:
        return None
    factor = STALL_FACTOR * (LONG_ACTIVITY_FACTOR if pushed.activity in LONG_ACTIVITIES else 1)
    return pushed.received_at + timedelta(seconds=limit * factor)


def _heard(view: View, job: ObservedJob) -> Progress | None:
    """What the pods that are there now last reported: those before them, in the same attempt, say nothing of these."""
    pushed = view.observed.progress
    there = pushed is not None and any(pod.uid == pushed.pod_uid for pod in job.latest)
    return pushed if there and job.stage == "train" else None

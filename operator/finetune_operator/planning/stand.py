"""Where a job stands: a ladder out of the records in its status and what is observed. The first rung that applies decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.conditions import TERMINAL_PHASES, ConditionType, Phase, Reason
from finetune_operator.api.status import Stage
from finetune_operator.planning.asked import cause_to_end, told_since
from finetune_operator.planning.attempts import checkpoint_known, ended_attempt, latest_attempt, record_of
from finetune_operator.planning.following import after, start
from finetune_operator.planning.observed import ObservedJob
from finetune_operator.planning.outcome import publishes
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.standing import (
    STAGES,
    BackingOff,
    CalledOff,
    Done,
    Held,
    Leaving,
    Over,
    Refused,
    Standing,
    Underway,
    View,
    Wanted,
)
from finetune_operator.planning.unpublished import trained_before

GRACE: Final = timedelta(seconds=10)
"""How long a refusal waits for what the same apply may still bring, such as an InstanceType."""

REFUSALS: Final = (Reason.CREATE_FAILED, Reason.QUOTA_EXCEEDED, Reason.FORBIDDEN)
"""What the status says of a child that the API server does not take."""


def stand(view: View, rejection: Rejection | None) -> Standing:
    """Where the job stands."""
    if view.job.status.phase in TERMINAL_PHASES:
        return Over(_remains(view))
    if view.job.spec.cancel and _untouched(view):
        return CalledOff(Reason.CANCELLED, "nothing was created")
    if rejection:
        return Refused(rejection, final=_final(rejection, view))
    return _stray(view) or _as_asked(view, _through_the_stages(view))


def unconfirmed(standing: Standing, view: View) -> bool:
    """Whether the standing rests on the absence of something, or on a last word that the watch may bring late.

    Then Jobs and pods are listed afresh and the job is looked at again. The very first start needs no proof: creating
    a Job whose name exists fails.
    """
    match standing:
        case _ if view.observed.confirmed:
            return False
        case Over() | Refused() | Leaving():
            return False
        case Underway(job):
            return job.finished
        case Held(begun):
            return begun and view.job.status.phase != Phase.SUSPENDED
        case Wanted(stage, attempt):
            return not (stage == STAGES[0] and attempt == 1)
        case _:
            return True


def removal_time(view: View) -> datetime | None:
    """When the children of a job that is over are to go; None for never."""
    seconds, ended = view.job.spec.children_ttl_seconds_after_finished, view.job.status.completion_time
    return None if seconds is None or ended is None else ended + timedelta(seconds=seconds)


def give_up_time(view: View) -> datetime | None:
    """When a start that the API server refuses is given up; None without a limit of the job's own.

    The time counts from the first refusal in a row: whatever the job waited for before was another thing.
    """
    limit = view.job.spec.start_deadline_seconds
    return told_since(view, *REFUSALS) + timedelta(seconds=limit) if limit else None


def _untouched(view: View) -> bool:
    """Whether nothing was created for the present run."""
    own = [a for a in view.job.status.attempts if a.run == view.job.run]
    return not (own or any(child.run == view.job.run for child in view.observed.jobs) or view.observed.live_pods())


def _final(rejection: Rejection, view: View) -> bool:
    if rejection.waits:
        return False
    return not rejection.may_mend or view.now >= _run_since(view) + GRACE


def _run_since(view: View) -> datetime:
    """When the present run was first seen; the first one began with the job."""
    if view.job.run == 0:
        return view.job.created
    held = next((c for c in view.job.status.conditions if c.type == ConditionType.RECONCILING), None)
    return held.last_transition_time if held and held.status == "True" else view.now


def _remains(view: View) -> tuple[ObservedJob, ...]:
    """Children whose time to go has come, and one whose creation arrived after all was over: it must not run."""
    time = removal_time(view)
    expired = time is not None and view.now >= time
    return tuple(job for job in view.observed.jobs if not job.deleting and (expired or not job.finished))


def late(view: View) -> tuple[ObservedJob, ...]:
    """Jobs whose attempt was over before they came: made by an operator that had lost its Lease. They must not run."""
    return tuple(job for job in view.observed.jobs if not job.finished and not job.deleting and _is_late(view, job))


def _is_late(view: View, job: ObservedJob) -> bool:
    record = record_of(view.job, job.stage, job.attempt)
    newest = max((a.number for a in view.job.status.attempts if a.stage == job.stage), default=0)
    return record.end_time is not None if record else job.attempt < newest


def _stray(view: View) -> Leaving | None:
    """What was begun for a run that was overtaken before its status was written must not hold this one back."""
    older = (job for job in view.observed.jobs if job.run < view.job.run and not job.finished)
    job = next((job for job in older if not _is_late(view, job)), None)
    if job is None:
        return None
    record = record_of(view.job, job.stage, job.attempt)
    told = record is not None and record.ends_for is not None
    return Leaving(job, Reason.RESTARTED, "restartGeneration was raised again: what runs of an earlier run ends", told)


def _through_the_stages(view: View) -> Standing:
    if before := trained_before(view.job):
        published = _stage_stands(view, "publish")
        return Done(published.ending.because(before)) if isinstance(published, Done) else published
    resolved = view.job.status.resolved
    prepared = None if resolved and resolved.folded else _stage_stands(view, "prepare")
    if prepared and not isinstance(prepared, Done):
        return prepared
    trained = _stage_stands(view, "train")
    if not isinstance(trained, Done) or not publishes(view.job):
        return trained
    published = _stage_stands(view, "publish")
    if not isinstance(published, Done):
        return published
    # Why the training ended is what the job's owner wants to know.
    return Done(published.ending.because(trained.ending.reason))


def _stage_stands(view: View, stage: Stage) -> Standing:
    number = latest_attempt(view, stage, view.job.run)
    if number == 0:
        return start(view, stage, latest_attempt(view, stage) + 1, None)
    ended = ended_attempt(view, stage, number)
    current = view.observed.job(stage, number)
    if ended is None and current is not None:
        return Underway(current)
    return after(view, ended) if ended else start(view, stage, number, None)


def _as_asked(view: View, standing: Standing) -> Standing:
    """The same after what the job's owner asks for meanwhile. What is done or broken stays so."""
    match standing:
        case Underway(job):
            return _leaving(view, job) or standing
        case Wanted() | BackingOff() if view.job.spec.cancel:
            return CalledOff(Reason.CANCELLED, "called off between two attempts: nothing is published")
        case Wanted(stage) | BackingOff(stage) if (
            view.job.spec.stop and stage != "publish" and not checkpoint_known(view)
        ):
            return CalledOff(Reason.STOPPED, "stopped before anything was trained: there is nothing to publish")
        case Wanted() | BackingOff() if view.job.spec.suspend:
            return Held(begun=not _untouched(view))
        case _:
            return standing


def _leaving(view: View, job: ObservedJob) -> Leaving | None:
    """An attempt whose pod has ended by itself has its last word still to come, and needs nobody to end it.

    But for one that is cancelled before its Job is over: a sidecar that does not end would keep it for ever.
    """
    if job.over and not job.deleting and (job.finished or not view.job.spec.cancel):
        return None
    newer = view.job.spec.restart_generation > view.job.run
    cause = cause_to_end(view, job, newer_run=newer)
    if cause is None:
        return None
    record = record_of(view.job, job.stage, job.attempt)
    return Leaving(job, cause.reason, cause.message, told=record is not None and record.ends_for == cause.reason)

"""What to say: the whole new status out of the old one, where the job stands and what is observed. Written once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from finetune_operator.api.conditions import TERMINAL_PHASES, Phase, Reason
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning import conditions, records
from finetune_operator.planning.attempts import checkpoint_known
from finetune_operator.planning.checkpoints import checkpoints_of
from finetune_operator.planning.claim_fields import with_field
from finetune_operator.planning.display import display_of
from finetune_operator.planning.ledger import progress_of, usage_of
from finetune_operator.planning.observed import ObservedPod
from finetune_operator.planning.outcome import failure_of, merges, result_of, uploads
from finetune_operator.planning.report import report_of
from finetune_operator.planning.resolve import Admission
from finetune_operator.planning.stages import stages_of
from finetune_operator.planning.standing import (
    BackingOff,
    Broken,
    CalledOff,
    Done,
    Fenced,
    Held,
    Leaving,
    Over,
    Refused,
    Standing,
    Underway,
    View,
    Wanted,
)
from finetune_operator.planning.unpublished import unpublished_of
from finetune_operator.planning.waiting import Why, why_ending, why_waiting

HELD_AT_FIRST: Final = "nothing was created: the plan and its estimate stand in this status; suspend: false lets it go"
NOTHING_HELD: Final = "nothing runs and no hardware is held; "
HELD_LATER: Final = NOTHING_HELD + "suspend: false goes on from the newest checkpoint"
HELD_UNSAVED: Final = NOTHING_HELD + "there is no checkpoint yet: suspend: false begins the training at its start"
MOST_WARNINGS: Final = 16
LONGEST_MESSAGE: Final = 1024


@dataclass(frozen=True)
class Blocked:
    """Something that was to be created was refused by the API server; it is tried again."""

    reason: Reason
    message: str


def assess(view: View, standing: Standing, plan: Admission | None, blocked: Blocked | None) -> FineTuneJobStatus:
    """The status that the job should have now. Equal to the old one when there is nothing new to say."""
    resolved = plan.resolved if plan else None
    job, old = view.job, view.job.status
    if isinstance(standing, Over):
        return conditions.observed_again(old, job.generation)
    why = _blocked(view, standing, blocked) if blocked else _why(view, standing)
    attempts = records.attempts_of(view, standing)
    progress = progress_of(view, trains=why.reason == Reason.TRAINING)
    usage = usage_of(view, resolved, attempts)
    status = FineTuneJobStatus(
        observed_generation=job.generation,
        restart_generation=old.restart_generation,
        phase=why.phase,
        reason=why.reason,
        reason_time=(old.reason_time if old.reason == why.reason else None) or view.now,
        message=why.message[:LONGEST_MESSAGE],
        start_time=old.start_time or _first_training(view),
        completion_time=view.now if why.phase in TERMINAL_PHASES else None,
        updated_time=old.updated_time,
        stages=stages_of(view, standing, attempts),
        attempts=attempts,
        retries=records.retries_of(view),
        progress=progress,
        usage=usage,
        checkpoints=checkpoints_of(view),
        report=report_of(view),
        resolved=resolved,
        estimate=plan.estimate if plan else None,
        unpublished=unpublished_of(view, standing),
        result=result_of(job, standing),
        failure=failure_of(standing),
        display=display_of(view, resolved, progress, usage),
        warnings=(plan.warnings if plan else ())[:MOST_WARNINGS],
    )
    return conditions.with_conditions(status, old, view.now)


def _why(view: View, standing: Standing) -> Why:  # noqa: C901, PLR0911 - one rung for each standing
    match standing:
        case Refused(rejection, final):
            return Why(Phase.FAILED if final else Phase.PENDING, rejection.reason, rejection.message)
        case Held(begun):
            return Why(Phase.SUSPENDED, Reason.SUSPENDED, _held(view) if begun else HELD_AT_FIRST)
        case CalledOff(reason, message):
            return Why(Phase.CANCELLED, reason, message)
        case Wanted(stage, attempt, ended):
            if ended:
                return Why(Phase.PENDING, Reason.RETRYING, f"attempt {attempt} of {stage} follows: {ended.message}")
            return Why(Phase.PENDING, Reason.PENDING, f"{stage} will start")
        case Fenced(_, pods):
            return _fenced(pods[0], view.now)
        case BackingOff(stage, until, ended):
            return Why(Phase.PENDING, Reason.RETRYING, f"{stage} starts again at {until:%H:%M:%S} UTC: {ended.message}")
        case Underway():
            return _underway(view, standing)
        case Leaving():
            return _leaving(view, standing)
        case Done(ending):
            return Why(Phase.SUCCEEDED, ending.reason, ending.message)
        case Broken(_, reason, message):
            return Why(Phase.FAILED, reason, message)
        case Over():
            raise AssertionError("a job that is over is not assessed")
    assert_never(standing)


def _fenced(pod: ObservedPod, now: datetime) -> Why:
    ending = why_ending(pod, now)
    if ending and ending.reason == Reason.NODE_UNREACHABLE:
        return Why(Phase.PENDING, ending.reason, ending.message)
    where = pod.node or "its node"
    message = f"pod {pod.name} of an earlier attempt has not ended on {where}; the next attempt waits for it"
    return Why(Phase.PENDING, Reason.PODS_REMAIN, message)


def _blocked(view: View, standing: Standing, blocked: Blocked) -> Why:
    """What cannot be made waits; what cannot be ended goes on as it does."""
    phase = _leaving(view, standing).phase if isinstance(standing, Leaving) else Phase.PENDING
    return Why(phase, blocked.reason, blocked.message)


def _held(view: View) -> str:
    return HELD_LATER if checkpoint_known(view) else HELD_UNSAVED


def _leaving(view: View, standing: Leaving) -> Why:
    """What is asked for, until the pods are gone; a node that does not confirm their end goes before."""
    phase = Phase.SUSPENDING if standing.cause == Reason.SUSPENDED else view.job.status.phase or Phase.PENDING
    late = (why_ending(pod, view.now) for pod in standing.job.latest)
    lost = next((why for why in late if why and why.reason == Reason.NODE_UNREACHABLE), None)
    return Why(phase, lost.reason, lost.message) if lost else Why(phase, standing.cause, standing.message)


def _underway(view: View, standing: Underway) -> Why:
    """Waiting in the cluster's words, or ending; then checking, loading or training."""
    job = standing.job
    ending = (why for pod in job.latest if (why := why_ending(pod, view.now)))
    said = why_waiting(job, view.observed.hints) or next(ending, None)
    if said and said.reason == Reason.VOLUME_NOT_READY:
        said = replace(said, message=with_field(said.message, view.job.spec))
    if said is None and job.over:
        said = _said_before(view)
    if job.stage == "train":
        return said or _training(view, job.attempt)
    if job.stage == "publish":
        said = said or Why(Phase.PUBLISHING, Reason.PUBLISHING, _publishing(view))
        return Why(Phase.PUBLISHING, said.reason, said.message)
    if said is None:
        return Why(Phase.VALIDATING, Reason.VALIDATING, "model and data are being checked on CPU")
    return Why(Phase.VALIDATING, said.reason, said.message)


def _publishing(view: View) -> str:
    """What the stage was made for."""
    parts = ("merged into its base model", merges(view.job)), ("uploaded", uploads(view.job))
    done = " and ".join(words for words, asked in parts if asked)
    return f"the {'adapter' if merges(view.job) else 'model'} is being {done} on CPU"


def _training(view: View, attempt: int) -> Why:
    """What the trainer last told, to this operator or to the one before it."""
    progress = view.observed.progress
    if progress is None and view.job.status.reason == Reason.TRAINING and (said := _said_before(view)):
        return said  # this operator is new, and the trainer has not reported to it yet
    if progress is None or progress.attempt != attempt or progress.step == 0:
        return Why(Phase.RUNNING, Reason.LOADING, "the trainer loads model and data")
    total = f" of {progress.total_steps}" if progress.total_steps else ""
    return Why(Phase.RUNNING, Reason.TRAINING, f"step {progress.step}{total}")


def _said_before(view: View) -> Why | None:
    """Between the end of a pod and the end of its Job there is nothing new to say."""
    old = view.job.status
    reason = next((reason for reason in Reason if reason == old.reason), None)
    return Why(old.phase, reason, old.message or "") if old.phase and reason else None


def _first_training(view: View) -> datetime | None:
    own = (job for job in view.observed.jobs if job.stage == "train" and job.run == view.job.run)
    pods = [pod for job in own for pod in job.pods]
    return min((pod.started for pod in pods if pod.started), default=None)

"""Runs of a job: restartGeneration counts them, and a job whose run is over begins the next one as if it were new."""

from __future__ import annotations

from dataclasses import replace

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import FineTuneJobStatus, Stage
from finetune_operator.planning.attempts import ended_attempt, latest_attempt
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Observed
from finetune_operator.planning.outcome import publishes
from finetune_operator.planning.standing import STAGES, View
from finetune_operator.planning.unpublished import still_to_publish


def present(job: Job, observed: Observed) -> Job:
    """The job as its present run sees it: in the next run once restartGeneration was raised and nothing goes on any more.

    Of the earlier run the attempts, the checkpoints and the model stay; all else is decided anew. A model that the status
    does not tell of yet is told of first. What was trained and could not be published is gone on with, unless the new run
    is to train.
    """
    raised = job.spec.restart_generation
    if raised <= job.run:
        return job
    begun = any(child.run == raised for child in observed.jobs)
    told = begun or job.status.phase in TERMINAL_PHASES
    if not told and (_underway(job, observed) or _succeeded(job, observed)):
        return job
    old, waiting = job.status, still_to_publish(job, observed)
    status = FineTuneJobStatus(
        restart_generation=raised,
        report=old.report if waiting else None,
        unpublished=waiting,
        attempts=old.attempts,
        checkpoints=old.checkpoints,
        result=old.result,
        conditions=old.conditions,
    )
    return replace(job, status=status)


def for_run(resolved: Resolved, view: View) -> Resolved:
    """The decisions of a run that begins: from scratch it goes on from no checkpoint of the runs before it."""
    job = view.job
    if job.run == 0 or job.spec.restart_from != "scratch":
        return resolved
    return resolved.model_copy(update={"resume_from": _latest_before(view) + 1})


def _underway(job: Job, observed: Observed) -> bool:
    """Whether something of the earlier run may still go on; what the records tell of and no watch shows must be asked."""
    unheard = any(attempt.end_time is None for attempt in job.status.attempts) and not observed.confirmed
    return unheard or bool(observed.live_pods()) or any(not child.finished for child in observed.jobs)


def _succeeded(job: Job, observed: Observed) -> bool:
    """Whether the earlier run made its model meanwhile: it was ready before it heard."""
    view = View(job, observed, job.created)
    last: Stage = STAGES[-1] if publishes(job) else "train"
    number = latest_attempt(view, last, job.run)
    ended = ended_attempt(view, last, number) if number else None
    return ended is not None and ended.ending.outcome == "Succeeded"


def _latest_before(view: View) -> int:
    """The last attempt at training of the runs before. An attempt of this one may be there, though the status does not say so."""
    recorded = [a.number for a in view.job.status.attempts if a.stage == "train" and a.run < view.job.run]
    seen = [child.attempt for child in view.observed.jobs if child.stage == "train" and child.run < view.job.run]
    return max([*recorded, *seen], default=0)

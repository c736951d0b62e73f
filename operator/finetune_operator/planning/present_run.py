"""Runs of a job: restartGeneration counts them, and a job whose run is over begins the next one as if it were new."""

from __future__ import annotations

from dataclasses import replace

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.status import FineTuneJobStatus, Resolved
from finetune_operator.planning.attempts import latest_attempt
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Observed
from finetune_operator.planning.standing import View


def present(job: Job, observed: Observed) -> Job:
    """The job as its present run sees it: in the next run once restartGeneration was raised and nothing goes on any more.

    Of the earlier run the attempts, the checkpoints and the model stay; all else is decided anew.
    """
    raised = job.spec.restart_generation
    if raised <= job.run:
        return job
    begun = any(child.run == raised for child in observed.jobs)
    if not begun and job.status.phase not in TERMINAL_PHASES and _underway(job, observed):
        return job
    old = job.status
    status = FineTuneJobStatus(
        restart_generation=raised,
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
    return resolved.model_copy(update={"resume_from": latest_attempt(view, "train") + 1})


def _underway(job: Job, observed: Observed) -> bool:
    """Whether something of the earlier run may still go on; what the records tell of and no watch shows must be asked."""
    unheard = any(attempt.end_time is None for attempt in job.status.attempts) and not observed.confirmed
    return unheard or bool(observed.live_pods()) or any(not child.finished for child in observed.jobs)

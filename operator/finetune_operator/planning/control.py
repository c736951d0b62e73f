"""What a running trainer is told in reply to its report: the contract's ``reply.schema.json``."""

from __future__ import annotations

from finetune_operator.api.model import Json
from finetune_operator.planning.budget import budget_seconds
from finetune_operator.planning.job import Job


def control_of(job: Job) -> Json:
    """The budget as it is now, and whether to finish early.

    An attempt that is to end without publishing, since its job is suspended, cancelled or begins anew, is told no stop:
    it will get its SIGTERM, and must not finish a model meanwhile.
    """
    stop = job.spec.stop and not _ends_otherwise(job)
    return {"budgetSeconds": budget_seconds(job.spec, job.status.resolved), "stop": stop}


def _ends_otherwise(job: Job) -> bool:
    restarts = job.spec.restart_generation > (job.status.restart_generation or 0)
    told = any(attempt.ends_for and not attempt.end_time for attempt in job.status.attempts)
    return job.spec.suspend or job.spec.cancel or restarts or told

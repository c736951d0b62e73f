"""Jobs at rest: over, and with nothing left to be done for them. In a cluster of some age nearly all are."""

from __future__ import annotations

from collections.abc import Iterable

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.planning.observing import ends


def at_rest(job: Json, batch_jobs: Iterable[Json]) -> bool:
    """Whether a FineTuneJob needs no look at all, by the objects as they are: a start with ten thousand reads no more.

    It is in a terminal phase that was told for its present spec, no newer run is asked for, none of its batch/v1 Jobs
    may still run, and none is yet to be removed.
    """
    spec, status = job["spec"], job.get("status") or {}
    if not is_over(job) or spec.get("restartGeneration", 0) > status.get("restartGeneration", 0):
        return False
    expire = spec.get("childrenTTLSecondsAfterFinished") is not None
    return not any(expire or not ends(child) for child in batch_jobs)


def is_over(job: Json) -> bool:
    """Whether a FineTuneJob, whole or in outline, has ended and was not edited since that was told."""
    status = job.get("status") or {}
    generation = job["metadata"].get("generation")
    return status.get("phase") in TERMINAL_PHASES and status.get("observedGeneration") == generation

"""The Kubernetes Events of one transition, for ``kubectl describe``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from finetune_operator.api import names
from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.job import Job

WARNINGS = frozenset(
    {
        Reason.UNSCHEDULABLE,
        Reason.IMAGE_PULL_FAILED,
        Reason.VOLUME_NOT_READY,
        Reason.CONTAINER_NOT_STARTED,
        Reason.QUOTA_EXCEEDED,
        Reason.POD_REFUSED,
        Reason.RETRYING,
        Reason.PODS_REMAIN,
        Reason.NODE_UNREACHABLE,
        Reason.FORBIDDEN,
        Reason.CREATE_FAILED,
        Reason.TERMINATING,
        Reason.STEP_STALLED,
        Reason.START_DEADLINE_EXCEEDED,
        Reason.STAGE_DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
    }
)

_BEGIN: Final = {"checkpoint": "from the newest checkpoint", "scratch": "from the beginning"}


def events_of(job: Job, status: FineTuneJobStatus, now: datetime) -> tuple[Json, ...]:
    """The Events of the step from the job's last status to this one: attempts that went wrong, then the transition."""
    recorded = {(a.stage, a.number) for a in job.status.attempts if a.end_time}
    wrong = [
        a for a in status.attempts if a.end_time and a.outcome != "Succeeded" and (a.stage, a.number) not in recorded
    ]
    told = [
        Told(
            "Normal" if a.outcome == "Requested" else "Warning",
            a.reason or Reason.ERROR,
            f"attempt {a.number} of {a.stage} ended: {a.message}",
        )
        for a in wrong
    ]
    if job.run and job.status.phase is None:
        told.insert(0, Told("Normal", Reason.RESTARTED, f"run {job.run} begins, {_begin(job)}"))
    if (job.status.phase, job.status.reason) != (status.phase, status.reason) and status.reason:
        warning = status.phase == Phase.FAILED or status.reason in WARNINGS
        told.append(Told("Warning" if warning else "Normal", status.reason, f"{status.phase}: {status.message}"))
    return tuple(_event(job, each, index, now) for index, each in enumerate(told))


@dataclass(frozen=True)
class Told:
    """What one Event says."""

    type: str
    reason: str
    message: str


def _begin(job: Job) -> str:
    waiting = job.status.unpublished
    return f"with publishing what run {waiting.run} trained" if waiting else _BEGIN[job.spec.restart_from]


def _event(job: Job, told: Told, index: int, now: datetime) -> Json:
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": _event_name(job, told, index), "namespace": job.namespace},
        "type": told.type,
        "reason": told.reason,
        "message": told.message[:1024],
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": "FineTuneJob",
            "namespace": job.namespace,
            "name": job.name,
            "uid": job.uid,
        },
        "source": {"component": names.MANAGER},
        "reportingComponent": names.MANAGER,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }


def _event_name(job: Job, told: Told, index: int) -> str:
    """Bound to the write that it tells of, so that telling it twice makes one Event.

    Events have whole seconds, and kubectl leaves those of one second in the order of their names: it begins with the version.
    """
    source = f"{job.uid} {told.reason} {told.message}"
    return f"{job.name}.{job.resource_version:0>20}.{index}.{hashlib.sha256(source.encode()).hexdigest()[:8]}"

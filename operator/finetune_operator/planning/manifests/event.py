"""The Kubernetes Events of one transition, for ``kubectl describe``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

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
        Reason.DEADLINE_EXCEEDED,
    }
)


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
    if (job.status.phase, job.status.reason) != (status.phase, status.reason) and status.reason:
        warning = status.phase == Phase.FAILED or status.reason in WARNINGS
        told.append(Told("Warning" if warning else "Normal", status.reason, f"{status.phase}: {status.message}"))
    return tuple(_event(job, each, now) for each in told)


@dataclass(frozen=True)
class Told:
    """What one Event says."""

    type: str
    reason: str
    message: str


def _event(job: Job, told: Told, now: datetime) -> Json:
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": _event_name(job, told), "namespace": job.namespace},
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


def _event_name(job: Job, told: Told) -> str:
    """Bound to the write that it tells of, so that telling it twice makes one Event."""
    source = f"{job.uid} {job.resource_version} {told.reason} {told.message}"
    return f"{job.name}.{hashlib.sha256(source.encode()).hexdigest()[:16]}"

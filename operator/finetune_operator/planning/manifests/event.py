"""The Kubernetes Event of one transition, for ``kubectl describe``."""

from __future__ import annotations

import hashlib
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
        Reason.RETRYING,
        Reason.PODS_REMAIN,
    }
)


def transition_event(job: Job, status: FineTuneJobStatus, now: datetime) -> Json | None:
    """The Event of the step from the job's last status to this one; None when phase and reason are the same."""
    old = job.status
    if (old.phase, old.reason) == (status.phase, status.reason) or status.reason is None:
        return None
    warning = status.phase == Phase.FAILED or status.reason in WARNINGS
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": _event_name(job, status), "namespace": job.namespace},
        "type": "Warning" if warning else "Normal",
        "reason": status.reason,
        "message": f"{status.phase}: {status.message}"[:1024],
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


def _event_name(job: Job, status: FineTuneJobStatus) -> str:
    """Bound to the write that it tells of, so that telling it twice makes one Event."""
    told = f"{job.uid} {job.resource_version} {status.phase} {status.reason}"
    return f"{job.name}.{hashlib.sha256(told.encode()).hexdigest()[:16]}"

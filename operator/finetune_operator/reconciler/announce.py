"""Tells of a transition once the status says it, by Kubernetes Events. A lost Event is no reason to try anything again."""

from __future__ import annotations

import logging
from datetime import datetime

from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import AlreadyExists, ClusterError
from finetune_operator.cluster.resources import EVENTS
from finetune_operator.planning.job import Job
from finetune_operator.planning.manifests.event import events_of

log = logging.getLogger(__name__)


async def announce(cluster: Cluster, job: Job, status: FineTuneJobStatus, now: datetime) -> None:
    """Make the Events of the step from the job's last status to this one, if it is a step, and log them."""
    for event in events_of(job, status, now):
        log.info("%s: %s", event["reason"], event["message"])
        try:
            await cluster.create(EVENTS, job.namespace, event)
        except AlreadyExists:
            continue
        except ClusterError as error:
            log.warning("the Event of a transition could not be made: %s", error)

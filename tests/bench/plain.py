"""The yardstick: a client that makes for each job the writes that the operator makes, and decides nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.catalog.catalog import Catalog
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import CLAIMS, EVENTS, FINETUNEJOBS, JOBS
from finetune_operator.planning.assess import assess
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.manifests.claim import output_claim
from finetune_operator.planning.manifests.event import events_of
from finetune_operator.planning.observed import Observed
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Offer, admit
from finetune_operator.planning.run_config import Run
from finetune_operator.planning.standing import View, Wanted

WORKERS = 16


async def take_in(cluster: Cluster, bodies: list[Json], instance_types: dict[str, InstanceTypeSpec]) -> None:
    """Write claim, Job, status and Event of each job, with as many workers as the operator has."""
    places = asyncio.Semaphore(WORKERS)
    now = datetime.now(UTC).replace(microsecond=0)

    async def one(body: Json) -> None:
        async with places:
            await _writes(cluster, parse_job(body), instance_types, now)

    await asyncio.gather(*(one(body) for body in bodies))


async def _writes(cluster: Cluster, job: Job, instance_types: dict[str, InstanceTypeSpec], now: datetime) -> None:
    plan = admit(job.spec, Offer(Catalog(instance_types), {"trl": "bench"}))
    if isinstance(plan, Rejection):
        raise TypeError(f"the benchmark's job is refused: {plan.message}")
    status = assess(View(job, Observed(), now), Wanted("prepare", 1), plan, None)
    await cluster.create(CLAIMS, job.namespace, output_claim(job, plan.resolved))
    await cluster.create(JOBS, job.namespace, render_stage(Run(job, plan.resolved, "prepare", 1), "Never", None))
    await _tell(cluster, job, status, now)


async def _tell(cluster: Cluster, job: Job, status: FineTuneJobStatus, now: datetime) -> None:
    await cluster.patch_status(FINETUNEJOBS, job.namespace, job.name, {"status": status.wire()})
    for event in events_of(job, status, now):
        await cluster.create(EVENTS, job.namespace, event)

"""What a plain client without any operator reaches on the same machine: the yardsticks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import EVENTS, FINETUNEJOBS, JOBS
from tests.bench.jobs import AT_ONCE, job_body, name_of, namespace_of
from tests.bench.specimen import Specimen
from tests.bench.stand import Stand
from tests.bench.timeline import FIRST_STAGE, OURS
from tests.bench.watching import Watch, watching
from tests.support.eventually import eventually

LONGEST_SECONDS: Final = 7200.0


async def same_writes(stand: Stand, count: int, pattern: Specimen, patches: int) -> Json:
    """Resources per second: create each, its first Job, its Events, and patch its status so often."""
    begin = time.monotonic()

    async def one(number: int) -> None:
        await _write(stand.client, number, pattern, patches)

    await _each(one, range(count))
    writes = 2 + patches + len(pattern.events)
    return {
        "same_writes_jobs_per_second": round(count / (time.monotonic() - begin), 1),
        "same_writes_per_job": writes,
    }


async def bare_jobs(stand: Stand, count: int, pattern: Specimen) -> Json:
    """Jobs per second from creation to Complete: those of so many resources, all at once, owned by nobody."""
    complete: dict[str, float] = {}

    def see(body: Json, at: float) -> None:
        complete.setdefault(body["metadata"]["name"], at)

    stages, before = tuple(pattern.jobs), stand.bill()
    async with watching(stand.world.server, Watch(JOBS, see, labels=OURS, fields="status.successful=1")):
        begin = time.monotonic()

        async def one(number: int) -> None:
            body = pattern.job(stages[number % len(stages)], name_of(number))
            await stand.client.create(JOBS, namespace_of(number), body)

        jobs = count * len(stages)
        await _each(one, range(jobs))
        created = time.monotonic()
        await eventually(lambda: len(complete) >= jobs, LONGEST_SECONDS)
        end = time.monotonic()
    cost = stand.bill().since(before)
    return {
        "bare_jobs_complete_per_second": round(jobs / (end - begin), 1),
        "bare_jobs_created_per_second": round(jobs / (created - begin), 1),
        "bare_jobs": jobs,
        "bare_cpu_ms_per_job": round(1000 * cost.total / jobs, 1),
    }


async def _write(client: Cluster, number: int, pattern: Specimen, patches: int) -> None:
    name, namespace = name_of(number), namespace_of(number)
    owner = await client.create(FINETUNEJOBS, namespace, job_body(number))
    await client.create(JOBS, namespace, pattern.job(FIRST_STAGE, name, owner))
    for _ in range(patches):
        await client.patch_status(FINETUNEJOBS, namespace, name, {"status": pattern.status})
    for event in range(len(pattern.events)):
        await client.create(EVENTS, namespace, pattern.event(event, owner))


async def _each(one: Callable[[int], Awaitable[object]], numbers: Iterable[int]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def placed(number: int) -> None:
        async with places:
            await one(number)

    await asyncio.gather(*map(placed, numbers))

"""How resources become Jobs: a burst, a steady stream, and a burst in which the operator is killed.

The controller manager stands still meanwhile, so that what is measured is the operator and not the pods' life.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS
from tests.bench.jobs import submit
from tests.bench.processes import processor_seconds, resident_mib
from tests.bench.samples import spread
from tests.bench.stand import Stand, read, until
from tests.bench.timeline import OURS, Timeline
from tests.bench.watching import watching
from tests.support.operator_process import OperatorProcess

CONTROLLERS: Final = "kube-controller-manager"
WITHIN: Final = 600.0


@asynccontextmanager
async def at_rest(stand: Stand) -> AsyncIterator[None]:
    """No Job controller while the context lasts."""
    stand.world.cluster.stop(CONTROLLERS)
    try:
        yield
    finally:
        stand.world.cluster.start(CONTROLLERS)


async def burst(stand: Stand, count: int, rate: float | None = None) -> Json:
    """So many resources at once, or so many per second: Jobs per second, apply → Job, writes and cost per resource."""
    timeline = Timeline()
    async with watching(stand.world.server, *timeline.watches()):
        with stand.operator() as operator:
            await operator.leads()
            calls, cpu = await read(operator), processor_seconds(operator.process.pid)
            begin = time.monotonic()
            applied = await submit(stand.client, count, rate=rate)
            await until(operator, lambda: len(timeline.first_jobs) >= count, WITHIN)
            await _settled(operator)
            spent = processor_seconds(operator.process.pid) - cpu
            after = await read(operator)
            memory = resident_mib(operator.process.pid)
    made = {key: number - calls.calls.get(key, 0.0) for key, number in after.writes.items()}
    return {
        "n": count,
        "jobs_per_second": round(count / (max(timeline.first_jobs.values()) - begin), 1),
        **spread("apply_to_job", timeline.apply_to_job(applied)),
        "status_patches_per_job": round(made.get(("patch_status", FINETUNEJOBS.plural), 0) / count, 2),
        "operator_cpu_ms_per_job": round(1000 * spent / count, 1),
        "rss_mib": round(memory, 1),
    }


async def killed(stand: Stand, count: int) -> Json:
    """A burst in the middle of which the operator is killed and started again: seconds until all is made good."""
    timeline = Timeline()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(watching(stand.world.server, *timeline.watches()))
        first = stack.enter_context(stand.operator())
        await first.leads()
        submitting = asyncio.create_task(submit(stand.client, count))
        await until(first, lambda: len(timeline.first_jobs) >= count // 3, WITHIN)
        first.kill()
        at_kill, left = time.monotonic(), count - len(timeline.first_jobs)
        second = stack.enter_context(stand.operator())
        applied = await submitting
        await until(second, lambda: len(timeline.first_jobs) >= count, WITHIN)
        good = max(timeline.first_jobs.values())
        await second.leads()
        await _settled(second)
        told = time.monotonic()
    jobs = await stand.client.list_keys(JOBS, labels=OURS)
    assert len(jobs) == count, f"{len(jobs)} Jobs for {count} resources"
    return {
        "n": count,
        "jobs_missing_at_kill": left,
        "made_good_seconds": round(good - at_kill, 2),
        "all_told_seconds": round(told - at_kill, 2),
        **spread("apply_to_job", timeline.apply_to_job(applied)),
    }


async def _settled(operator: OperatorProcess) -> None:
    async def still() -> bool:
        return not (await read(operator)).waiting

    await until(operator, still, WITHIN)

"""So many FineTuneJobs from creation to Succeeded, with the operator as its own process."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Final

from finetune_operator.api.conditions import Phase
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.bench.jobs import submit
from tests.bench.processes import Bill, peak_mib, resident_mib
from tests.bench.samples import spread
from tests.bench.stand import Readings, Stand, read, until
from tests.bench.timeline import Timeline
from tests.bench.watching import watching
from tests.support.operator_process import OperatorProcess

LONGEST_SECONDS: Final = 7200.0
COLD_SECONDS: Final = 600.0


async def lifetimes(stand: Stand, count: int) -> Json:
    """Lead so many resources through their life at once; what it took, as an entry of ``runs``."""
    timeline = Timeline()
    async with watching(stand.world.server, *timeline.watches()):
        with stand.operator() as operator:
            await operator.leads()
            before, calls = stand.bill(operator), await read(operator)
            begin = time.monotonic()
            applied = await submit(stand.client, count)
            submitted = time.monotonic()
            # Asking the operator all the time would cost it more than a job does.
            await until(operator, lambda: len(timeline.last_complete) >= count, LONGEST_SECONDS)
            await until(operator, partial(_all_in, operator, Phase.SUCCEEDED, count), LONGEST_SECONDS)
            end = time.monotonic()
            writes, cost = await read(operator), stand.bill(operator).since(before)
            memory = {"rss_mib": resident_mib(operator.process.pid), "rss_peak_mib": peak_mib(operator.process.pid)}
    await _verify(stand, count)
    return {
        "n": count,
        "jobs_per_second": round(count / (max(timeline.first_jobs.values()) - begin), 1),
        "complete_per_second": round(timeline.completed / (end - begin), 1),
        "succeeded_per_second": round(count / (end - begin), 1),
        "jobs_per_resource": round(sum(map(len, timeline.jobs.values())) / count, 2),
        "submit_seconds": round(submitted - begin, 1),
        "total_seconds": round(end - begin, 1),
        **spread("apply_to_job", timeline.apply_to_job(applied)),
        **spread("pod_change_to_status", timeline.change_to_status()),
        **spread("pod_end_to_status", timeline.end_to_status()),
        **_writes(writes, calls, count),
        **{name: round(value, 1) for name, value in memory.items()},
        **_cost(cost, count),
    }


async def cold_start(stand: Stand, count: int) -> Json:
    """Seconds from the start of an operator until it leads, knows all resources and has nothing left to look at."""
    begin = time.monotonic()
    with stand.operator() as operator:
        await operator.leads(COLD_SECONDS)
        led = time.monotonic() - begin
        await until(operator, partial(_steady, operator, count), COLD_SECONDS)
        seconds = time.monotonic() - begin
        memory = resident_mib(operator.process.pid)
        peak = peak_mib(operator.process.pid)
    return {
        "cold_start_seconds": round(seconds, 1),
        "cold_start_leading_seconds": round(led, 1),
        "cold_start_rss_mib": round(memory, 1),
        "cold_start_rss_peak_mib": round(peak, 1),
    }


async def _all_in(operator: OperatorProcess, phase: Phase, count: int) -> bool:
    return (await read(operator)).phases.get(phase, 0) >= count


async def _steady(operator: OperatorProcess, count: int) -> bool:
    readings = await read(operator)
    return sum(readings.phases.values()) >= count and not readings.waiting


async def _verify(stand: Stand, count: int) -> None:
    """The API server's word, not the operator's."""
    bodies = await stand.client.list(FINETUNEJOBS)
    phases = Counter(body.get("status", {}).get("phase") for body in bodies)
    assert phases == {Phase.SUCCEEDED: count}, f"not all jobs succeeded: {phases}"


def _writes(after: Readings, before: Readings, count: int) -> Json:
    """API writes and reads per job: in all, and by verb and kind."""
    found: Json = {}
    for what, calls in (("writes", after.writes), ("reads", after.reads)):
        made = {key: number - before.calls.get(key, 0.0) for key, number in calls.items()}
        by_kind = {f"{verb} {kind}": round(n / count, 2) for (verb, kind), n in sorted(made.items()) if n}
        found |= {f"api_{what}_per_job": round(sum(made.values()) / count, 2), f"api_{what}_by_kind": by_kind}
    return found


def _cost(cost: Bill, count: int) -> Json:
    by_program = {name: round(1000 * seconds / count, 1) for name, seconds in sorted(cost.seconds.items()) if seconds}
    return {"cpu_ms_per_job": round(1000 * cost.total / count, 1), "cpu_ms_by_program": by_program}

"""So many running jobs that report progress: what the operator takes in, and how often it writes a status for it."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field, replace
from typing import Final

from finetune_operator.api.conditions import Phase
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.bench.jobs import submit
from tests.bench.processes import processor_seconds, resident_mib
from tests.bench.reporters import Answers, Choir, reporters, trust
from tests.bench.samples import spread
from tests.bench.stand import Stand, read, until
from tests.bench.timeline import SAMPLED
from tests.bench.watching import Watch, watching
from tests.simulated import Plan
from tests.support.operator_process import OperatorProcess, free_port

LONGEST_SECONDS: Final = 3600.0
WARM_STEPS: Final = 1000
"""More than the first reports tell: an operator takes none that goes back."""
FIRST_REPORTS_PER_SECOND: Final = 50.0
FOR_EVER: Final = Plan(seconds=86_400)


@dataclass
class _Shown:
    """When which step of which job was first seen in its status."""

    steps: dict[tuple[str, int], float] = field(default_factory=dict)

    def see(self, body: Json, at: float) -> None:
        """Take note of one status."""
        step = (body.get("status", {}).get("progress") or {}).get("step")
        if step:
            self.steps.setdefault((body["metadata"]["name"], step), at)


async def progress(stand: Stand, count: int, every: float, seconds: float) -> Json:
    """Have ``count`` jobs run and report every so many seconds, for so long."""
    port = free_port()
    base = f"https://127.0.0.1:{port}"
    target = {"host": "127.0.0.1", "port": port, "url": base}
    heard, warm, shown = Answers(), Answers(), _Shown()
    with replace(stand, settings={**stand.settings, "progress": target}).operator() as operator:
        await operator.leads()
        await _all_running(stand, operator, count)
        voices = await reporters(stand.client)
        choir = Choir(base, await trust(stand.client), every)
        # The first report of each is verified by the API server; what is measured is the time after. Trainers do not
        # all begin in one moment.
        beginning = max(every, len(voices) / FIRST_REPORTS_PER_SECOND)
        await replace(choir, every=beginning).report(voices, beginning, warm)
        async with watching(stand.world.server, Watch(FINETUNEJOBS, shown.see, labels=SAMPLED, whole=True)):
            calls, cpu, begin = await read(operator), processor_seconds(operator.process.pid), time.monotonic()
            cluster = stand.bill()
            await replace(choir, before=WARM_STEPS).report(voices, seconds, heard)
            took = time.monotonic() - begin
            after, spent = await read(operator), processor_seconds(operator.process.pid) - cpu
            cost, memory = stand.bill().since(cluster).total, resident_mib(operator.process.pid)
    patches = ("patch_status", FINETUNEJOBS.plural)
    lags = [at - heard.accepted[key] for key, at in shown.steps.items() if key in heard.accepted]
    return {
        "reporters": len(voices),
        "report_every_seconds": round(statistics.median(map(choir.rhythm, voices)), 1),
        "seconds": round(took, 1),
        "reports_per_second": round(len(heard.seconds) / took, 1),
        "reports_refused": sum(heard.refused.values()),
        "refused_by_status": {str(status): number for status, number in sorted(heard.refused.items())},
        "status_writes_per_second": round((after.calls[patches] - calls.calls.get(patches, 0)) / took, 1),
        **spread("answer", heard.seconds),
        **spread("report_to_status", [max(0.0, lag) for lag in lags]),
        "operator_cpu_share": round(spent / took, 2),
        "cluster_cpu_share": round(cost / took, 2),
        "rss_mib": round(memory, 1),
    }


async def _all_running(stand: Stand, operator: OperatorProcess, count: int) -> None:
    await submit(stand.client, count, plan=FOR_EVER)

    async def running() -> bool:
        return (await read(operator)).phases.get(Phase.RUNNING, 0) >= count

    await until(operator, running, LONGEST_SECONDS)

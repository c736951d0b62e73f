"""What is counted over all jobs when somebody asks: read from the store, so that what is gone is gone from it too.

No label names a job: their number is that of phases, reasons and classes.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from finetune_operator.api.conditions import TERMINAL_PHASES, Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.job import parse_time

GPU_CLASSES: Final = ("queued", "loading", "training", "wasted")
LastHeard = Callable[[str], datetime | None]
"""When the job with this uid last reported to us; None when it never did."""


def jobs_by_phase(jobs: Iterable[Json]) -> Iterator[GaugeMetricFamily]:
    """How many jobs are in each phase, and why."""
    phases: Tally[str] = Tally()
    reasons: Tally[tuple[str, str]] = Tally()
    for job in jobs:
        phase, reason = _phase(job), str(_status(job).get("reason") or Reason.PENDING)
        phases[phase] += 1
        reasons[phase, reason] += 1
    by_phase = GaugeMetricFamily("finetune_jobs", "FineTuneJobs by phase.", labels=("phase",))
    for each in Phase:
        by_phase.add_metric((each,), phases[each])
    yield by_phase
    by_reason = GaugeMetricFamily(
        "finetune_jobs_by_reason", "FineTuneJobs by phase and reason.", labels=("phase", "reason")
    )
    for labels, number in sorted(reasons.items()):
        by_reason.add_metric(labels, number)
    yield by_reason


def gpu_seconds(jobs: Iterable[Json]) -> GaugeMetricFamily:
    """What the present runs of all jobs did with GPUs, in seconds times GPUs."""
    total: Tally[str] = Tally()
    for job in jobs:
        total.update(_gpu_seconds(_status(job)))
    family = GaugeMetricFamily(
        "finetune_gpu_seconds", "GPU seconds of the jobs that exist, by class.", labels=("class",)
    )
    for name in GPU_CLASSES:
        family.add_metric((name,), total[name])
    return family


def progress_age(jobs: Iterable[Json], last_heard: LastHeard, now: datetime) -> GaugeMetricFamily:
    """For how long the quietest job of each phase has been silent; only of jobs that go on and have ever reported."""
    oldest: dict[str, float] = {}
    for job in jobs:
        phase = _phase(job)
        told = (_status(job).get("progress") or {}).get("lastUpdatedTime")
        heard = last_heard(job["metadata"]["uid"]) or (parse_time(told) if told else None)
        if heard is not None and phase not in TERMINAL_PHASES:
            oldest[phase] = max(oldest.get(phase, 0.0), (now - heard).total_seconds())
    text = "Seconds since the last report of the job that has been silent for longest, by phase."
    family = GaugeMetricFamily("finetune_progress_age_seconds", text, labels=("phase",))
    for phase, age in sorted(oldest.items()):
        family.add_metric((phase,), age)
    return family


def _gpu_seconds(status: Json) -> dict[str, float]:
    usage, resolved = status.get("usage") or {}, status.get("resolved") or {}
    gpus = ((resolved.get("instanceType") or {}).get("gpu") or {}).get("count", 0) * resolved.get("nodes", 1)
    queued, trained, wasted = (
        usage.get(name, 0.0) * gpus for name in ("queuedSeconds", "trainingSeconds", "wastedSeconds")
    )
    return {
        "queued": queued,
        "loading": max(0.0, usage.get("gpuSeconds", 0.0) - trained),
        "training": max(0.0, trained - wasted),
        "wasted": wasted,
    }


def _phase(job: Json) -> str:
    return str(_status(job).get("phase") or Phase.PENDING)


def _status(job: Json) -> Json:
    return job.get("status") or {}

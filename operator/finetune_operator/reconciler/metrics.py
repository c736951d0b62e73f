"""The operator's metrics, all named ``finetune_…``."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from finetune_operator.api.conditions import Phase
from finetune_operator.cluster.client import CallRecord
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.store import Store

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts what happens; what can be looked up is read when somebody asks.

    ``finetune_api_calls_total{verb,resource,outcome}``, ``finetune_api_call_seconds{verb}``,
    ``finetune_reconciles_total{outcome}``, ``finetune_reconcile_seconds``, ``finetune_watch_restarts_total``,
    ``finetune_leader``; and once ``watch`` was called: ``finetune_jobs{phase}``, ``finetune_queue_depth``,
    ``finetune_queue_working``, ``finetune_queue_oldest_seconds``; and the process's own ``process_…``.
    """

    def __init__(self) -> None:
        # A second series beside every counter, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._calls = Counter(
            "finetune_api_calls", "Calls to the API server.", ("verb", "resource", "outcome"), registry=self.registry
        )
        self._call_seconds = Histogram(
            "finetune_api_call_seconds", "Duration of calls.", ("verb",), buckets=SECONDS, registry=self.registry
        )
        self._reconciles = Counter(
            "finetune_reconciles", "Reconciles by their end: ok or an error.", ("outcome",), registry=self.registry
        )
        self._reconcile_seconds = Histogram(
            "finetune_reconcile_seconds", "Duration of reconciles.", buckets=SECONDS, registry=self.registry
        )
        self.watch_restarts = Counter(
            "finetune_watch_restarts", "How often the event source was started again.", registry=self.registry
        )
        self.leader = Gauge("finetune_leader", "1 while this process holds the Lease.", registry=self.registry)

    def called(self, call: CallRecord) -> None:
        """A call to the API server ended."""
        self._calls.labels(call.verb, call.plural, call.outcome).inc()
        self._call_seconds.labels(call.verb).observe(call.seconds)

    def reconciled(self, outcome: str, seconds: float) -> None:
        """A reconcile ended."""
        self._reconciles.labels(outcome).inc()
        self._reconcile_seconds.observe(seconds)

    def watch(self, store: Store, queue: WorkQueue) -> None:
        """Show these two as well."""
        self.registry.register(_Looked(store, queue))

    def exposition(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)


class _Looked(Collector):
    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _jobs(str((job.get("status") or {}).get("phase") or Phase.PENDING) for job in self._store.jobs())
        yield GaugeMetricFamily("finetune_queue_depth", "Keys that wait for a worker.", self._queue.depth)
        yield GaugeMetricFamily("finetune_queue_working", "Keys in work.", self._queue.working)
        oldest = self._queue.oldest_age
        yield GaugeMetricFamily("finetune_queue_oldest_seconds", "For how long the oldest key has waited.", oldest)


def _jobs(phases: Iterable[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("finetune_jobs", "FineTuneJobs by phase.", labels=("phase",))
    tally = Tally(phases)
    for phase in Phase:
        family.add_metric((phase,), tally[phase])
    return family

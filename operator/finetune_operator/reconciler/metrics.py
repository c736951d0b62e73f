"""The operator's metrics, all named ``finetune_…``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
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
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from finetune_operator.cluster.client import CallRecord
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.tallies import LastHeard, gpu_seconds, jobs_by_phase, progress_age

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Reports:
    """What there is to look up of progress: ``outcomes`` of posts, and what waits to be kept of them."""

    last_heard: LastHeard
    now: Callable[[], datetime]
    outcomes: Mapping[str, int]
    waiting: Callable[[], int]
    """Jobs whose curve or log is to be written."""
    dropped_lines: Callable[[], int]


class Metrics:
    """Counts what happens; what can be looked up is read when somebody asks. ``docs/metrics.md`` has all names."""

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
        self._reported: _Reported | None = None

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

    def watch_reports(self, store: Store, reports: Reports) -> None:
        """Show what is known of progress as well, instead of what was given here before."""
        if self._reported is not None:
            self.registry.unregister(self._reported)
        self._reported = _Reported(store, reports)
        self.registry.register(self._reported)

    def exposition(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)


class _Looked(Collector):
    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from jobs_by_phase(self._store.jobs())
        yield gpu_seconds(self._store.jobs())
        yield GaugeMetricFamily("finetune_queue_depth", "Keys that wait for a worker.", self._queue.depth)
        yield GaugeMetricFamily("finetune_queue_working", "Keys in work.", self._queue.working)
        oldest = self._queue.oldest_age
        yield GaugeMetricFamily("finetune_queue_oldest_seconds", "For how long the oldest key has waited.", oldest)


class _Reported(Collector):
    def __init__(self, store: Store, reports: Reports) -> None:
        self._store = store
        self._reports = reports

    @override
    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        reports = self._reports
        yield progress_age(self._store.jobs(), reports.last_heard, reports.now())
        posts = CounterMetricFamily(
            "finetune_progress_reports", "Progress posts by what became of them.", labels=("outcome",)
        )
        for outcome, number in sorted(reports.outcomes.items()):
            posts.add_metric((outcome,), number)
        yield posts
        yield GaugeMetricFamily(
            "finetune_records_waiting", "Jobs whose curve or log is to be written.", reports.waiting()
        )
        text = "Log lines of trainers for which there was no room."
        yield CounterMetricFamily("finetune_log_lines_dropped", text, reports.dropped_lines())

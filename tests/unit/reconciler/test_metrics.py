"""The metrics as Prometheus reads them, over the endpoint that serves them, and as the documents list them."""

from __future__ import annotations

import random
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import CallRecord
from finetune_operator.cluster.resources import FINETUNEJOBS, Key
from finetune_operator.reconciler.health import serve_health
from finetune_operator.reconciler.metrics import Metrics, Reports
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.settings import Health
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.task import Task
from finetune_operator.reconciler.vitals import Stage, Vitals
from tests.support.objects import fine_tune_job

NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DOCUMENT: Final = Path(__file__).parents[3] / "docs/metrics.md"
ROW: Final = re.compile(r"^\| `(finetune_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)


class World:
    """Everything that the endpoint shows."""

    def __init__(self) -> None:
        self.store = Store()
        self.queue = WorkQueue(time.monotonic, random.random)
        self.metrics = Metrics()
        self.metrics.watch(self.store, self.queue)
        self.vitals = Vitals(self.metrics, self.queue)

    def put(self, name: str, **status: object) -> None:
        """A job with this status, newer than the one before."""
        body = fine_tune_job(name)
        body["metadata"] |= {"resourceVersion": str(time.monotonic_ns()), "uid": f"uid-of-{name}"}
        self.store.put(FINETUNEJOBS, {**body, **({"status": status} if status else {})})

    def reports(self, heard: dict[str, datetime] | None = None, **outcomes: int) -> None:
        """What is known of progress."""
        found = Reports((heard or {}).get, lambda: NOW, outcomes, lambda: 3, lambda: 7)
        self.metrics.watch_reports(self.store, found)

    def samples(self) -> dict[tuple[str, str], float]:
        """Every sample that is not of the process, by its name and its labels' values."""
        families = text_string_to_metric_families(self.metrics.exposition().decode())
        return {
            (sample.name, " ".join(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
            if sample.name.startswith("finetune_")
        }

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            serve_health(Health(host="127.0.0.1", port=0), self.vitals) as port,
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as answer,
        ):
            return answer.status, await answer.text()


def test_jobs_are_counted_by_phase_and_reason_and_one_without_a_phase_is_pending() -> None:
    world = World()
    for name, reason in (("a", "Training"), ("b", "Training"), ("c", "Loading")):
        world.put(name, phase="Running", reason=reason)
    world.put("d")

    samples = world.samples()

    assert [samples["finetune_jobs", phase] for phase in ("Running", "Pending", "Failed")] == [3, 1, 0]
    assert {labels: value for (name, labels), value in samples.items() if name == "finetune_jobs_by_reason"} == {
        "Running Training": 2,
        "Running Loading": 1,
        "Pending Pending": 1,
    }


def test_a_job_that_is_gone_leaves_no_labels_behind() -> None:
    world = World()
    before = world.samples()
    world.put("a", phase="Queued", reason="Unschedulable", usage={"queuedSeconds": 5}, resolved=ON_EIGHT_GPUS)
    assert ("finetune_jobs_by_reason", "Queued Unschedulable") in world.samples()

    world.store.drop(FINETUNEJOBS, Key("", "a"))

    assert world.samples() == before


ON_EIGHT_GPUS: Json = {"nodes": 2, "instanceType": {"cpu": "1", "memory": "1Gi", "gpu": {"count": 4}}}


def test_gpu_seconds_are_told_apart_by_what_they_went_into() -> None:
    world = World()
    usage = {"queuedSeconds": 10, "trainingSeconds": 100, "wastedSeconds": 25, "gpuSeconds": 1000}
    for name in ("a", "b"):
        world.put(name, phase="Running", usage=usage, resolved=ON_EIGHT_GPUS)
    world.put("on CPU", phase="Running", usage=usage, resolved={"instanceType": {"cpu": "1", "memory": "1Gi"}})

    found = {labels: value for (name, labels), value in world.samples().items() if name == "finetune_gpu_seconds"}

    assert found == {"queued": 160, "training": 1200, "wasted": 400, "loading": 400 + 1000}


def test_the_quietest_job_of_each_phase_shows_for_how_long_it_has_been_silent() -> None:
    world = World()
    for name, seconds in (("a", 90), ("b", 300), ("c", 10)):
        told = (NOW - timedelta(seconds=seconds)).isoformat()
        world.put(name, phase="Running", progress={"step": 1, "lastUpdatedTime": told})
    world.put("never reported", phase="Running")
    world.put("over", phase="Failed", progress={"step": 1, "lastUpdatedTime": "2026-01-01T00:00:00Z"})
    world.reports(heard={"uid-of-b": NOW - timedelta(seconds=4)})

    ages = {
        labels: value for (name, labels), value in world.samples().items() if name.startswith("finetune_progress_age")
    }

    assert ages == {"Running": 90}


def test_an_assembly_that_is_tried_again_shows_progress_once() -> None:
    world = World()
    world.reports(Taken=1)
    world.reports(Taken=2, Forbidden=1)

    samples = world.samples()

    assert samples["finetune_progress_reports_total", "Taken"] == 2
    assert samples["finetune_records_waiting", ""] == 3
    assert samples["finetune_log_lines_dropped_total", ""] == 7


def test_the_documents_list_exactly_the_metrics_that_there_are() -> None:
    world = World()
    world.metrics.called(CallRecord("get", "pods", "ok", 0.1))
    world.metrics.reconciled("ok", 0.1)
    world.put("a", phase="Running", progress={"step": 1, "lastUpdatedTime": NOW.isoformat()})
    world.reports(Taken=1)

    families = text_string_to_metric_families(world.metrics.exposition().decode())
    there = {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            set().union(*map(_labels, family.samples)),
        )
        for family in families
        if family.name.startswith("finetune_")
    }

    listed = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in listed} == there


def _labels(sample: Sample) -> set[str]:
    return set(sample.labels) - {"le"}


async def test_what_happens_is_counted() -> None:
    world = World()
    world.metrics.called(CallRecord("patch_status", "finetunejobs", "Conflict", 0.02))
    world.metrics.reconciled("ok", 0.5)
    world.queue.add(Task("ns", "one"))

    _, text = await world.get("/metrics")

    for line in (
        'finetune_api_calls_total{outcome="Conflict",resource="finetunejobs",verb="patch_status"} 1.0',
        'finetune_reconciles_total{outcome="ok"} 1.0',
        'finetune_reconcile_seconds_bucket{le="0.5"} 1.0',
        "finetune_queue_depth 1.0",
        "finetune_queue_working 0.0",
        "finetune_watch_restarts_total 0.0",
        "finetune_leader 0.0",
    ):
        assert line in text.splitlines()
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize(("stage", "status"), [(Stage.STANDBY, 200), (Stage.LISTING, 503), (Stage.LEADING, 200)])
async def test_who_is_still_listing_is_not_ready(stage: Stage, status: int) -> None:
    world = World()
    world.vitals.stage = stage

    assert (await world.get("/readyz"))[0] == status
    assert await world.get("/healthz") == (200, "ok\n")

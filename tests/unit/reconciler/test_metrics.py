"""The metrics as Prometheus reads them, over the endpoint that serves them."""

from __future__ import annotations

import random
import time

import aiohttp
import pytest

from finetune_operator.cluster.client import CallRecord
from finetune_operator.cluster.resources import FINETUNEJOBS
from finetune_operator.reconciler.health import serve_health
from finetune_operator.reconciler.metrics import Metrics
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.settings import Health
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.task import Task
from finetune_operator.reconciler.vitals import Stage, Vitals
from tests.support.objects import fine_tune_job


class World:
    """Everything that the endpoint shows."""

    def __init__(self) -> None:
        self.store = Store()
        self.queue = WorkQueue(time.monotonic, random.random)
        self.metrics = Metrics()
        self.metrics.watch(self.store, self.queue)
        self.vitals = Vitals(self.metrics, self.queue)

    async def get(self, path: str) -> tuple[int, str]:
        async with (
            serve_health(Health(host="127.0.0.1", port=0), self.vitals) as port,
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as answer,
        ):
            return answer.status, await answer.text()


async def test_jobs_are_counted_by_phase_and_one_without_a_phase_is_pending() -> None:
    world = World()
    for name, phase in (("a", "Running"), ("b", "Running"), ("c", None)):
        body = fine_tune_job(name)
        body["metadata"]["resourceVersion"] = "1"
        world.store.put(FINETUNEJOBS, {**body, **({"status": {"phase": phase}} if phase else {})})

    _, text = await world.get("/metrics")

    for line in ('{phase="Running"} 2.0', '{phase="Pending"} 1.0', '{phase="Failed"} 0.0'):
        assert f"finetune_jobs{line}" in text


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

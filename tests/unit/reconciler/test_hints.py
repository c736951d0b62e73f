"""Asking Events why a child does not come up takes a tenth of the time at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from finetune_operator.api.dataset import DatasetStatus
from finetune_operator.api.model import Json
from finetune_operator.api.names import DATASET_UID_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import DATASETS, JOBS, Key
from finetune_operator.planning.dataset.manifest import InspectionImages
from finetune_operator.planning.observed import Hint, ObservedJob
from finetune_operator.reconciler.datasets import POLL_SECONDS, DatasetKeeper
from finetune_operator.reconciler.hints import AGAIN_SECONDS, REST, Hints
from finetune_operator.reconciler.store import Store
from tests.support.apiserver import kubeconfig_for
from tests.support.clock import HandClock
from tests.support.eventually import eventually
from tests.unit.planning.dataset import registry

TOLD: Final = (Hint("FailedCreate", "exceeded quota"),)
TOOK: Final = 0.2
DATASET: Final = Key("team", "questions")


@dataclass
class Site:
    """An API server that has one Event for whoever asks and takes its time, and a reader of it."""

    cluster: Cluster
    hints: Hints
    clock: HandClock
    asked: list[str] = field(default_factory=list)
    status: HTTPStatus = HTTPStatus.OK
    open: asyncio.Event = field(default_factory=asyncio.Event)
    written: Json = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["fieldSelector"].rpartition("=")[2])
        await self.open.wait()
        self.clock.pass_(TOOK)
        items = [{"metadata": {}, "reason": hint.reason, "message": hint.message} for hint in TOLD]
        return web.json_response({"items": items, "metadata": {}}, status=self.status)

    async def take(self, request: web.Request) -> web.Response:
        self.written |= (await request.json())["status"]
        body = registry.body(self.written)
        return web.json_response(body | {"metadata": body["metadata"] | {"resourceVersion": "8"}})

    def keeper_of(self, dataset: Json) -> DatasetKeeper:
        """Looks after a Dataset whose inspection has no pod."""
        store, job = Store(), registry.job()
        labels = job["metadata"]["labels"] | {DATASET_UID_LABEL: dataset["metadata"]["uid"]}
        job["metadata"] |= {"namespace": DATASET.namespace, "resourceVersion": "1", "labels": labels}
        store.put(DATASETS, dataset)
        store.put(JOBS, job)
        images = InspectionImages({"trl": "trainer:test"}, "Always")
        return DatasetKeeper(self.cluster, store, images, lambda _: None, lambda: registry.NOW, self.hints)

    async def about(self, uid: str) -> tuple[Hint, ...]:
        return await self.hints.about("ns", ObservedJob(uid, uid, "train", 1, datetime.now(UTC)))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock, handlers = HandClock(), list[Site]()
    application = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return await handlers[0].answer(request)

    async def take(request: web.Request) -> web.Response:
        return await handlers[0].take(request)

    application.router.add_get("/{path:.*}", answer)
    application.router.add_patch("/{path:.*}", take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = kubeconfig_for(f"http://127.0.0.1:{runner.addresses[0][1]}", tmp_path / "kubeconfig")
    async with Cluster(Connection(str(config))) as cluster:
        handlers.append(Site(cluster, Hints(cluster, clock), clock))
        handlers[0].open.set()
        yield handlers[0]
    await runner.cleanup()


async def test_a_job_without_a_pod_is_asked_for(site: Site) -> None:
    assert await site.about("one") == TOLD
    assert site.asked == ["one"]


async def test_what_was_told_stands_for_some_seconds(site: Site) -> None:
    await site.about("one")
    site.clock.pass_(AGAIN_SECONDS / 2)

    assert await site.about("one") == TOLD
    assert site.asked == ["one"]

    site.clock.pass_(AGAIN_SECONDS)
    await site.about("one")
    assert site.asked == ["one", "one"]


async def test_after_each_question_it_rests_nine_times_as_long(site: Site) -> None:
    await site.about("one")

    assert await site.about("two") == ()
    site.clock.pass_(TOOK * REST + 0.01)
    assert await site.about("two") == TOLD

    assert site.asked == ["one", "two"]


async def test_it_asks_one_question_at_a_time_and_nobody_waits_for_another(site: Site) -> None:
    site.open.clear()
    first = asyncio.create_task(site.about("one"))
    await eventually(lambda: site.asked)

    assert await site.about("two") == ()

    site.open.set()
    assert await first == TOLD
    assert site.asked == ["one"]


async def test_a_question_that_fails_stops_nobody_and_is_rested_after_too(site: Site) -> None:
    site.status = HTTPStatus.INTERNAL_SERVER_ERROR
    assert await site.about("one") == ()

    assert await site.about("two") == ()
    site.status = HTTPStatus.OK
    site.clock.pass_(TOOK * REST + 0.01)
    assert await site.about("two") == TOLD
    assert site.asked == ["one", "two"]


async def test_what_was_told_stands_while_questions_fail_and_the_first_failure_alone_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.about("one")
    site.status = HTTPStatus.FORBIDDEN
    for _ in range(3):
        site.clock.pass_(AGAIN_SECONDS)
        assert await site.about("one") == TOLD

    assert site.asked == ["one"] * 4
    assert len([record for record in caplog.records if "what Events say" in record.message]) == 1


async def test_a_dataset_is_looked_after_though_events_cannot_be_listed_and_asks_no_more_often(site: Site) -> None:
    site.status = HTTPStatus.FORBIDDEN
    keeper = site.keeper_of(registry.body())
    for _ in range(2):
        assert await keeper.reconcile(DATASET) == POLL_SECONDS

    assert len(site.asked) == 1
    told = DatasetStatus.model_validate(site.written)
    assert told.observed_generation == 1

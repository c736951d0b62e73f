"""kopf as an event source, on a real API server: it tells what happens, survives what happens, and writes nothing."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Resource
from finetune_operator.reconciler.kopf_pages import PAGE
from finetune_operator.reconciler.kopf_source import KopfSource
from finetune_operator.reconciler.queue import Backoff
from finetune_operator.reconciler.source import LABELS
from finetune_operator.reconciler.supervisor import Supervisor
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.faults import hang
from tests.support.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.objects import batch_job, child_labels, fine_tune_job, instance_type, pod

pytestmark = pytest.mark.controlplane


@dataclass
class Witness:
    """A sink that remembers what it was told about one namespace (and cluster-scoped objects)."""

    namespace: str
    changes: list[tuple[str, str, Json]] = field(default_factory=list)
    deletions: list[tuple[str, str]] = field(default_factory=list)

    def changed(self, resource: Resource, body: Json) -> None:
        if body["metadata"].get("namespace", self.namespace) == self.namespace:
            self.changes.append((resource.plural, body["metadata"]["name"], body))

    def deleted(self, resource: Resource, body: Json) -> None:
        if body["metadata"].get("namespace", self.namespace) == self.namespace:
            self.deletions.append((resource.plural, body["metadata"]["name"]))

    def saw(self, plural: str, name: str) -> bool:
        return any(change[:2] == (plural, name) for change in self.changes)


@asynccontextmanager
async def watching(kubeconfig: Path, witness: Witness) -> AsyncIterator[Supervisor]:
    source = KopfSource(Connection(str(kubeconfig)).credentials)
    patience = Backoff(first=0.05, longest=0.5)
    supervisor = Supervisor("kopf", lambda: source.run(witness), time.monotonic, random.random, patience)
    running = asyncio.ensure_future(supervisor.run(lambda: None))
    try:
        yield supervisor
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture
def witness(namespace: str) -> Witness:
    return Witness(namespace)


@pytest.fixture
async def proxy(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[FaultyProxy]:
    async with faulty_proxy(api_server, tmp_path) as proxy:
        yield proxy


async def restarted_by_an_error(proxy: FaultyProxy, supervisor: Supervisor, code: int) -> bool:
    """Put an error into the watches until it has ended kopf: a watch may be just between two connections."""
    if supervisor.restarts == 0:
        error = {"kind": "Status", "apiVersion": "v1", "code": code, "message": "etcd had a hiccup"}
        await proxy.say_in_watches({"type": "ERROR", "object": error})
    return supervisor.restarts > 0


async def test_what_was_there_and_what_comes_and_goes_is_told(
    api_server: ApiServer, cluster: Cluster, witness: Witness
) -> None:
    namespace = witness.namespace
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("before"))
    async with watching(api_server.kubeconfig, witness):
        await eventually(lambda: witness.saw("finetunejobs", "before"))
        labels = child_labels("before", "u-1")
        await cluster.create(JOBS, namespace, batch_job("before-prepare-1", labels))
        await cluster.create(PODS, namespace, pod("before-prepare-1-x", labels))
        await eventually(lambda: witness.saw("jobs", "before-prepare-1") and witness.saw("pods", "before-prepare-1-x"))

        await cluster.delete(FINETUNEJOBS, namespace, "before")
        await eventually(lambda: ("finetunejobs", "before") in witness.deletions)


async def test_a_page_is_told_before_the_next_is_asked_for(
    cluster: Cluster, witness: Witness, proxy: FaultyProxy
) -> None:
    told_when_asked: list[int] = []

    def notes_a_further_page(request: web.Request) -> bool:
        if request.path.endswith("/finetunejobs") and "continue" in request.query:
            told_when_asked.append(len(witness.changes))
        return False

    many = PAGE + 20
    await asyncio.gather(
        *(cluster.create(FINETUNEJOBS, witness.namespace, fine_tune_job(f"one-of-{many}-{n}")) for n in range(many))
    )
    proxy.when(notes_a_further_page, hang())
    async with watching(proxy.kubeconfig, witness):
        await eventually(lambda: all(witness.saw("finetunejobs", f"one-of-{many}-{n}") for n in range(many)))
    assert told_when_asked[-1] >= many - PAGE


async def test_instance_types_are_told_of(api_server: ApiServer, cluster: Cluster, witness: Witness) -> None:
    name = f"type-of-{witness.namespace}"
    async with watching(api_server.kubeconfig, witness):
        await cluster.create(INSTANCETYPES, None, instance_type(name))
        await eventually(lambda: witness.saw("instancetypes", name))
        await cluster.delete(INSTANCETYPES, None, name)
        await eventually(lambda: ("instancetypes", name) in witness.deletions)


async def test_jobs_and_pods_of_others_are_not_even_sent(
    api_server: ApiServer, cluster: Cluster, witness: Witness
) -> None:
    namespace = witness.namespace
    async with watching(api_server.kubeconfig, witness):
        await cluster.create(JOBS, namespace, batch_job("theirs"))
        await cluster.create(PODS, namespace, pod("theirs"))
        await cluster.create(JOBS, namespace, batch_job("ours", child_labels("x", "u-1")))
        await cluster.create(PODS, namespace, pod("ours", child_labels("x", "u-1")))
        await eventually(lambda: witness.saw("jobs", "ours") and witness.saw("pods", "ours"))

    assert not witness.saw("jobs", "theirs")
    assert not witness.saw("pods", "theirs")


async def test_only_what_decisions_read_leaves_kopfs_thread(
    api_server: ApiServer, cluster: Cluster, witness: Witness
) -> None:
    async with watching(api_server.kubeconfig, witness):
        await cluster.create(JOBS, witness.namespace, batch_job("ours", child_labels("x", "u-1")))
        await eventually(lambda: witness.saw("jobs", "ours"))

    (body,) = [body for plural, _, body in witness.changes if plural == "jobs"][:1]
    assert "managedFields" not in body["metadata"]
    assert "template" not in body["spec"]


async def test_kopf_only_reads(proxy: FaultyProxy, cluster: Cluster, witness: Witness) -> None:
    namespace = witness.namespace
    created = await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("mine"))
    async with watching(proxy.kubeconfig, witness):
        await cluster.create(JOBS, namespace, batch_job("ours", child_labels("mine", created["metadata"]["uid"])))
        await eventually(lambda: witness.saw("finetunejobs", "mine") and witness.saw("jobs", "ours"))
        await cluster.patch(FINETUNEJOBS, namespace, "mine", {"metadata": {"labels": {"mine": "yes"}}})
        await eventually(lambda: len([c for c in witness.changes if c[1] == "mine"]) >= 2)

    assert {request.split()[0] for request in proxy.seen} == {"GET"}
    after = await cluster.get(FINETUNEJOBS, namespace, "mine")
    assert "annotations" not in after["metadata"]
    assert "finalizers" not in after["metadata"]


@pytest.mark.parametrize("code", [500, 504])
async def test_it_starts_again_when_an_error_in_a_watch_ends_kopf(
    proxy: FaultyProxy, cluster: Cluster, witness: Witness, code: int
) -> None:
    async with watching(proxy.kubeconfig, witness) as supervisor:
        await eventually(lambda: len(proxy.streams) == len(LABELS))
        await eventually(lambda: restarted_by_an_error(proxy, supervisor, code))

        await cluster.create(FINETUNEJOBS, witness.namespace, fine_tune_job("after"))
        await eventually(lambda: witness.saw("finetunejobs", "after"))


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500])
async def test_it_comes_back_after_the_server_has_refused_its_watches(
    proxy: FaultyProxy, cluster: Cluster, witness: Witness, status: int
) -> None:
    async with watching(proxy.kubeconfig, witness):
        await eventually(lambda: len(proxy.streams) == len(LABELS))
        refused = len(proxy.seen)
        proxy.fail(status, path="/finetunejobs", times=3)
        proxy.cut_watches()
        await eventually(lambda: len([r for r in proxy.seen[refused:] if "/finetunejobs" in r]) >= 4)

        await cluster.create(FINETUNEJOBS, witness.namespace, fine_tune_job("after"))
        await eventually(lambda: witness.saw("finetunejobs", "after"))


async def test_a_cut_connection_loses_nothing(proxy: FaultyProxy, cluster: Cluster, witness: Witness) -> None:
    async with watching(proxy.kubeconfig, witness):
        await eventually(lambda: len(proxy.streams) == len(LABELS))
        for number in range(5):
            proxy.cut_watches()
            await cluster.create(FINETUNEJOBS, witness.namespace, fine_tune_job(f"job-{number}"))
            await eventually(partial(witness.saw, "finetunejobs", f"job-{number}"))


async def test_when_kopf_ends_nobody_elses_work_is_cancelled(proxy: FaultyProxy, witness: Witness) -> None:
    async with watching(proxy.kubeconfig, witness) as supervisor:
        await eventually(lambda: len(proxy.streams) == len(LABELS))
        work = asyncio.ensure_future(asyncio.Event().wait())
        await eventually(lambda: restarted_by_an_error(proxy, supervisor, 500))
        await eventually(lambda: len(proxy.streams) == len(LABELS))

        assert not work.done()
        work.cancel()


async def test_it_ends_within_seconds_when_it_is_told_to(api_server: ApiServer, witness: Witness) -> None:
    start = time.monotonic()
    async with watching(api_server.kubeconfig, witness):
        pass

    assert time.monotonic() - start < 5

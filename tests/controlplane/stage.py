"""A stage for the reconciler: a real API server and controller manager; the test plays watch, scheduler and kubelet."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.client import CallRecord, Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import NotFound
from finetune_operator.cluster.resources import EVENTS, FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Key
from finetune_operator.planning.dataset.manifest import InspectionImages
from finetune_operator.planning.manifests.pod import Progress as ProgressTarget
from finetune_operator.planning.progress import Progress
from finetune_operator.planning.staging import AS_DESIGNED, Staging
from finetune_operator.reconciler.act import Actor
from finetune_operator.reconciler.catalog_status import CatalogStatus
from finetune_operator.reconciler.datasets import DatasetKeeper
from finetune_operator.reconciler.gather import Gatherer
from finetune_operator.reconciler.hints import Hints
from finetune_operator.reconciler.offering import Offering
from finetune_operator.reconciler.reconcile import Reconciler
from finetune_operator.reconciler.store import WATCHED, Store
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.objects import fine_tune_job, instance_type
from tests.support.played_nodes import bind

NAME: Final = "support-bot"
IMAGES: Final = {"trl": "trainer:test", "lerobot": "robots:test"}
WRITES: Final = frozenset({"create", "patch", "patch_status", "replace", "delete"})
HOLD: Final = "tests.finetune.dev/hold"
"""A finalizer that keeps a pod Terminating until the test lets it go."""


@dataclass
class Operator:
    """One operator's mind: its own view of the cluster, and the reconciler over it."""

    cluster: Cluster
    calls: list[CallRecord]
    reports: dict[str, Progress] = field(default_factory=dict)
    skew: timedelta = timedelta()
    store: Store = field(default_factory=Store)
    staging: Staging = AS_DESIGNED
    woken: list[Key] = field(default_factory=list)

    @property
    def reconciler(self) -> Reconciler:
        """Over this operator's view."""
        gatherer = Gatherer(self.cluster, self.store, self.reports.get, Hints(self.cluster, time.monotonic))
        actor = Actor(self.cluster, self.store, lambda _: ProgressTarget("https://progress.test", "pem"), "Always")
        offering = Offering(self.cluster, self.store, IMAGES, time.monotonic, self.staging)
        return Reconciler(self.cluster, self.store, gatherer, actor, offering, self._now, self.store.put)

    @property
    def datasets(self) -> DatasetKeeper:
        """Over this operator's view; ``woken`` hears of every Dataset whose status it wrote."""
        images, hints = InspectionImages(IMAGES, "Always"), Hints(self.cluster, time.monotonic)
        return DatasetKeeper(self.cluster, self.store, images, self.woken.append, self._now, hints)

    @property
    def catalog(self) -> CatalogStatus:
        """Over this operator's view."""
        return CatalogStatus(self.cluster, self.store, self._now)

    async def watch(self, namespace: str) -> None:
        """Bring the view up to date, as a prompt watch would."""
        for resource in WATCHED:
            bodies = await self.cluster.list(resource, namespace if resource.namespaced else None)
            present = set()
            for body in bodies:
                self.store.put(resource, body)
                present.add(Key(body["metadata"].get("namespace", ""), body["metadata"]["name"]))
            for key in set(self.store.object_keys(resource)) - present:
                self.store.drop(resource, key)

    async def visit(self, namespace: str, *, watch: bool = True) -> float | None:
        """One reconcile, after the watch has brought all there is unless told otherwise."""
        if watch:
            await self.watch(namespace)
        return await self.reconciler.reconcile(Key(namespace, NAME))

    def writes(self) -> list[tuple[str, str]]:
        """Everything it wrote: verb and plural, in order."""
        return [(call.verb, call.plural) for call in self.calls if call.verb in WRITES and call.outcome == "ok"]

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.skew


@dataclass
class Stage:
    """One FineTuneJob in a namespace of its own, and an operator that looks after it."""

    world: Cluster
    """The test's own hands; the operator's calls are counted apart."""
    namespace: str
    hardware: str
    operator: Operator
    server: ApiServer

    async def apply(self, **spec: object) -> Json:
        """Apply the job; ``spec`` overrides single fields."""
        body = fine_tune_job(NAME, **{"instanceType": self.hardware, "hours": 1, **spec})
        return await self.world.create(FINETUNEJOBS, self.namespace, body)

    async def visit(self, times: int = 1) -> FineTuneJobStatus:
        """Let the operator look so often; the status after it."""
        for _ in range(times):
            await self.operator.visit(self.namespace)
        return await self.status()

    async def body(self) -> Json:
        """The job as the API server holds it."""
        return await self.world.get(FINETUNEJOBS, self.namespace, NAME)

    async def status(self) -> FineTuneJobStatus:
        """Its status."""
        return FineTuneJobStatus.model_validate((await self.body())["status"])

    async def jobs(self) -> list[str]:
        """The batch/v1 Jobs that exist: stage and attempt, oldest first."""
        bodies = await self.world.list(JOBS, self.namespace)
        labels = [body["metadata"]["labels"] for body in bodies]
        return sorted(f"{each[STAGE_LABEL]}-{each[ATTEMPT_LABEL]}" for each in labels)

    async def pod(self, stage: str, attempt: int = 1) -> Json:
        """The pod that the Job controller makes for an attempt."""
        selector = f"{STAGE_LABEL}={stage},{ATTEMPT_LABEL}={attempt}"
        found = await eventually(lambda: self.world.list(PODS, self.namespace, labels=selector))
        return found[0]

    async def run(self, stage: str, attempt: int = 1) -> Json:
        """The kubelet starts the container."""
        pod = await self.pod(stage, attempt)
        state = {"running": {"startedAt": _stamp()}}
        return await self._say(pod, {"phase": "Running", "containerStatuses": [_container(state)]})

    async def end(
        self, stage: str, attempt: int = 1, *, code: int = 0, message: str = "", status: Json | None = None
    ) -> None:
        """The container ends, ``status`` is what else there is to say, and the Job controller settles the Job."""
        pod = await self.pod(stage, attempt)
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "message": message}
        state = {"terminated": ended | {"startedAt": _stamp(), "finishedAt": _stamp()}}
        phase = "Succeeded" if code == 0 else "Failed"
        await self._say(pod, {"phase": phase, "containerStatuses": [_container(state)], **(status or {})})
        await eventually(lambda: self._settled(stage, attempt))

    async def prepare(self) -> None:
        """From the applied job to a training Job: two visits, with a verdict between them."""
        await self.visit()
        await self.run("prepare")
        report = {"rows": 48, "tokens": 1932, "warnings": []}
        await self.end("prepare", message=verdict(stage="prepare", report=report))
        await self.visit()

    async def say(self, stage: str, status: Json, attempt: int = 1) -> None:
        """Scheduler or kubelet write into the pod's status."""
        await self._say(await self.pod(stage, attempt), status)

    async def event(self, involved: Json, kind: str, reason: str, message: str) -> None:
        """Somebody tells of an object by an Event."""
        metadata = involved["metadata"]
        body: Json = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"e-{secrets.token_hex(4)}"},
            "type": "Warning",
            "reason": reason,
            "message": message,
            "involvedObject": {
                "kind": kind,
                "namespace": self.namespace,
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "lastTimestamp": _stamp(),
        }
        await self.world.create(EVENTS, self.namespace, body)

    async def hold(self, pod: Json) -> None:
        """Keep a pod Terminating when it is deleted: it is on a node whose kubelet does not answer.

        On none, the pod collector of the control plane would end it within 20 s; on one that it does not know, in a minute.
        """
        name = pod["metadata"]["name"]
        await bind(self.world, pod)
        finalizers = [*pod["metadata"].get("finalizers", ()), HOLD]
        await self.world.patch(PODS, self.namespace, name, {"metadata": {"finalizers": finalizers}})

    async def let_go(self, pod: Json) -> None:
        """Let a held pod go away, as the kubelet does when it answers again."""
        name = pod["metadata"]["name"]
        await self.world.patch(PODS, self.namespace, name, {"metadata": {"finalizers": []}})
        with suppress(NotFound):  # deleted after its containers had ended, it has no grace and goes by itself
            await self.world.delete(PODS, self.namespace, name, uid=pod["metadata"]["uid"], grace_seconds=0)
        await eventually(lambda: self._gone(name))

    async def told(self) -> list[str]:
        """The reasons of the Events about the job."""
        uid = (await self.body())["metadata"]["uid"]
        events = await self.world.list(EVENTS, self.namespace, fields=f"involvedObject.uid={uid}")
        return [event["reason"] for event in events]

    async def children(self) -> dict[str, Json]:
        """The Jobs that carry the job's uid, by stage and attempt."""
        uid = (await self.body())["metadata"]["uid"]
        bodies = await self.world.list(JOBS, self.namespace, labels=f"{UID_LABEL}={uid}")
        return {f"{b['metadata']['labels'][STAGE_LABEL]}-{b['metadata']['labels'][ATTEMPT_LABEL]}": b for b in bodies}

    async def _say(self, pod: Json, status: Json) -> Json:
        return await self.world.patch_status(PODS, self.namespace, pod["metadata"]["name"], {"status": status})

    async def _settled(self, stage: str, attempt: int) -> bool:
        selector = f"{STAGE_LABEL}={stage},{ATTEMPT_LABEL}={attempt}"
        (job,) = await self.world.list(JOBS, self.namespace, labels=selector)
        return any(
            c["type"] in {"Complete", "Failed"} and c["status"] == "True" for c in job["status"].get("conditions", ())
        )

    async def _gone(self, name: str) -> bool:
        return not await self.world.list(PODS, self.namespace, fields=f"metadata.name={name}")


@asynccontextmanager
async def an_operator(server: ApiServer) -> AsyncIterator[Operator]:
    """An operator with a view of its own, whose calls are recorded."""
    calls: list[CallRecord] = []
    async with Cluster(Connection(str(server.kubeconfig)), Limits(10_000, 10_000), calls.append) as client:
        yield Operator(client, calls)


@asynccontextmanager
async def hardware(world: Cluster) -> AsyncIterator[str]:
    """An InstanceType of the test's own."""
    name = f"cpu-{secrets.token_hex(4)}"
    await world.create(INSTANCETYPES, None, instance_type(name, cpu="2", memory="4Gi"))
    yield name
    await world.delete(INSTANCETYPES, None, name)


def verdict(result: str = "completed", stage: str = "train", **more: object) -> str:
    """A termination message that keeps the contract."""
    document = {"contractVersion": 1, "stage": stage, "attempt": 1, "result": result, "message": f"it {result}"}
    return json.dumps(document | more)


def _container(state: Json) -> Json:
    return {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

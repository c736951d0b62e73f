"""Many jobs that train, on a real API server, with an operator that takes their reports; there is no node in truth."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import aiohttp

from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, UID_LABEL, progress_audience
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster import Cluster, Limits, Resource
from finetune_operator.cluster.client import CallRecord
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS, PODS, SECRETS, Key
from finetune_operator.planning.job import parse_job
from finetune_operator.planning.manifests import render_stage
from finetune_operator.planning.run_config import Run
from finetune_operator.reconciler.assembly import assemble
from finetune_operator.reconciler.metrics import Metrics
from finetune_operator.reconciler.progress import SECRET_NAME, progress_url
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.settings import Settings
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.wiring import Parts
from finetune_operator.reconciler.workers import Workers
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.objects import fine_tune_job
from tests.support.operator_process import free_port
from tests.unit.planning.scene import resolved_for

Value = TypeVar("Value")

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
TOKENS: Final = Resource("", "v1", "serviceaccounts/default/token", "TokenRequest")
EXAMPLE: Final[Json] = json.loads(
    (Path(__file__).parents[2] / "trainer-image/contract/examples/progress.json").read_text(encoding="utf-8")
)
RUNNING: Final[Json] = {"name": "trainer", "image": "x", "imageID": "", "ready": True, "restartCount": 0}
AT_ONCE: Final = 16


@dataclass(frozen=True)
class Place:
    """A namespace of its own on a real API server, and the test's own hands there."""

    server: ApiServer
    world: Cluster
    namespace: str


@dataclass(frozen=True)
class Fleet:
    """An operator that leads, the jobs that it knows by name, each with a token of its pod, and what it did."""

    place: Place
    tokens: Mapping[str, str]
    url: str
    trust: ssl.SSLContext
    store: Store
    queue: WorkQueue
    metrics: Metrics
    calls: Sequence[CallRecord]

    async def post(self, name: str, body: bytes | None = None, *, token: str = "", step: int = 1) -> tuple[int, Json]:
        """Report on a job, with its pod's token unless told otherwise; the status and the document of the answer."""
        url = progress_url(self.url, Key(self.place.namespace, name))
        headers = {"Authorization": f"Bearer {token or self.tokens[name]}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body or report(step), headers=headers, ssl=self.trust) as answer,
        ):
            return answer.status, await answer.json()

    async def all_post(self, step: int) -> Counter[int]:
        """Every job reports this step; the statuses of the answers."""
        answers = await _few_at_once(self.post(name, step=step) for name in self.tokens)
        return Counter(status for status, _ in answers)

    async def status(self, name: str) -> FineTuneJobStatus:
        """What a job's status says."""
        return FineTuneJobStatus.model_validate(
            (await self.place.world.get(FINETUNEJOBS, self.place.namespace, name))["status"]
        )

    async def told(self, step: int) -> bool:
        """Whether every status tells of this step."""
        bodies = await self.place.world.list(FINETUNEJOBS, self.place.namespace)
        steps = Counter((body["status"].get("progress") or {}).get("step") for body in bodies)
        assert set(steps) == {step}, f"{len(bodies)} jobs by step: {dict(steps)}"
        return True

    def made(self, verb: str, plural: str) -> int:
        """How many calls of this kind the operator made, failed ones included."""
        return sum((call.verb, call.plural) == (verb, plural) for call in self.calls)


def report(step: int, **more: object) -> bytes:
    """The contract's example at another step."""
    seconds = {"trainingSeconds": step * 1.5, "wastedSeconds": 0}
    ours = {**EXAMPLE["finetune"], "step": step, "totalSteps": 1_000_000, **seconds, **more}
    return json.dumps({**EXAMPLE, "finetune": ours}).encode()


@asynccontextmanager
async def a_fleet(place: Place, jobs: int, progress: Json | None = None) -> AsyncIterator[Fleet]:
    """So many jobs that train, and an operator over them; ``progress`` overrides its settings of that name."""
    async with leading(place, await training(place, jobs), progress) as fleet:
        yield fleet


@asynccontextmanager
async def leading(place: Place, tokens: Mapping[str, str], progress: Json | None = None) -> AsyncIterator[Fleet]:
    """Another operator over jobs that train. It sees what is there now, and later only what the test brings it."""
    port = free_port()
    settings = _settings(place, port, progress or {})
    calls: list[CallRecord] = []
    async with Cluster(Connection(str(place.server.kubeconfig)), Limits(1000, 1000), calls.append) as client:
        queue, store, metrics = WorkQueue(time.monotonic, random.random), Store(), Metrics()
        for resource in (FINETUNEJOBS, JOBS, PODS):
            for body in await place.world.list(resource, place.namespace):
                store.put(resource, body)
        assembly = await assemble(Parts(client, store, queue, settings, metrics, lambda: datetime.now(UTC)))
        workers = Workers(queue, assembly.reconcile, metrics, time.monotonic)
        trust = await _trust(place)
        async with _beside([workers.run(4), *[service() for service in assembly.services]]):
            await eventually(lambda: _listens(port))
            yield Fleet(place, tokens, settings.progress.url, trust, store, queue, metrics, calls)


async def training(place: Place, jobs: int) -> dict[str, str]:
    """So many jobs with a pod that trains: the token of each pod, by the job's name."""
    world, namespace = place.world, place.namespace
    await eventually(lambda: world.list(ACCOUNTS, namespace, fields="metadata.name=default"))
    await _few_at_once(_train(place, f"j{number}") for number in range(jobs))
    pods = await eventually(lambda: _pods(place, jobs))
    return dict(await _few_at_once(_run(world, pod) for pod in pods))


def _settings(place: Place, port: int, progress: Json) -> Settings:
    own = {"host": "127.0.0.1", "port": port, "url": f"https://127.0.0.1:{port}"}
    return Settings.model_validate(
        {"namespace": place.namespace, "progress": own | progress, "qps": 1000, "burst": 1000}
    )


@asynccontextmanager
async def _beside(work: Iterable[Awaitable[None]]) -> AsyncIterator[None]:
    """While the context lasts, this goes on."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _trust(place: Place) -> ssl.SSLContext:
    secret = await place.world.get(SECRETS, place.namespace, SECRET_NAME)
    return ssl.create_default_context(cadata=base64.b64decode(secret["data"]["tls.crt"]).decode())


async def _train(place: Place, name: str) -> None:
    """A job whose data were checked, and the Job of its first attempt at training."""
    body = await place.world.create(FINETUNEJOBS, place.namespace, fine_tune_job(name, hours=1))
    resolved = resolved_for(parse_job(body))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    prepared = {"stage": "prepare", "number": 1, "job": f"{name}-prepare", "startTime": now}
    ended = {"endTime": now, "outcome": "Succeeded", "reason": "Completed", "message": "checked"}
    status = {"phase": "Running", "resolved": resolved.wire(), "attempts": [prepared | ended]}
    body = await place.world.patch_status(FINETUNEJOBS, place.namespace, name, {"status": status})
    run = Run(parse_job(body), resolved, "train", 1)
    await place.world.create(JOBS, place.namespace, render_stage(run, "Always", None))


async def _pods(place: Place, jobs: int) -> list[Json]:
    pods = await place.world.list(PODS, place.namespace)
    assert len(pods) == jobs, f"{len(pods)} pods of {jobs} are there"
    return pods


async def _run(world: Cluster, pod: Json) -> tuple[str, str]:
    """The kubelet starts the container, which gets its token."""
    metadata = pod["metadata"]
    state = {"running": {"startedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    status = {"phase": "Running", "containerStatuses": [RUNNING | {"state": state}]}
    await world.patch_status(PODS, metadata["namespace"], metadata["name"], {"status": status})
    name, uid = metadata["labels"][JOB_LABEL], metadata["labels"][UID_LABEL]
    return name, await token(world, pod, progress_audience(metadata["namespace"], name, uid))


async def token(world: Cluster, pod: Json, audience: str) -> str:
    """A token as the kubelet asks for it when it mounts a projected volume."""
    metadata = pod["metadata"]
    reference = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
    spec = {"audiences": [audience], "expirationSeconds": 3600, "boundObjectRef": reference}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = await world.create(TOKENS, metadata["namespace"], body)
    return str(answer["status"]["token"])


async def _few_at_once(calls: Iterable[Coroutine[None, None, Value]]) -> list[Value]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(call: Coroutine[None, None, Value]) -> Value:
        async with places:
            return await call

    return await asyncio.gather(*map(one, calls))


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True

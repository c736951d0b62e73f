"""Many jobs that train, on a real API server, with an operator that takes their reports; there is no node in truth."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

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

ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
TOKENS: Final = Resource("", "v1", "serviceaccounts/default/token", "TokenRequest")
EXAMPLE: Final[Json] = json.loads(
    (Path(__file__).parents[2] / "trainer-image/contract/examples/progress.json").read_text(encoding="utf-8")
)
RUNNING: Final[Json] = {"name": "trainer", "image": "x", "imageID": "", "ready": True, "restartCount": 0}
AT_ONCE: Final = 16


@dataclass
class Fleet:
    """Jobs in a namespace of their own by name, each with a token of its pod, and what the operator did."""

    world: Cluster
    namespace: str
    settings: Settings
    store: Store
    metrics: Metrics
    calls: list[CallRecord]
    tokens: dict[str, str] = field(default_factory=dict)
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def post(self, name: str, body: bytes | None = None, *, token: str = "", step: int = 1) -> tuple[int, Json]:
        """Report on a job, with its pod's token unless told otherwise; the status and the document of the answer."""
        url = progress_url(self.settings.progress.url, Key(self.namespace, name))
        headers = {"Authorization": f"Bearer {token or self.tokens[name]}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body or report(step), headers=headers, ssl=self.trust) as answer,
        ):
            return answer.status, await answer.json()

    async def all_post(self, step: int) -> Counter[int]:
        """Every job reports this step; the statuses of the answers."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(name: str) -> int:
            async with places:
                return (await self.post(name, step=step))[0]

        return Counter(await asyncio.gather(*map(one, self.tokens)))

    async def status(self, name: str) -> FineTuneJobStatus:
        """What a job's status says."""
        return FineTuneJobStatus.model_validate((await self.world.get(FINETUNEJOBS, self.namespace, name))["status"])

    async def told(self, step: int) -> bool:
        """Whether every status tells of this step."""
        bodies = await self.world.list(FINETUNEJOBS, self.namespace)
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
async def a_fleet(
    server: ApiServer, world: Cluster, namespace: str, jobs: int, progress: Json | None = None
) -> AsyncIterator[Fleet]:
    """So many jobs that train, and an operator that leads; ``progress`` overrides its settings of that name."""
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    document = {"namespace": namespace, "progress": {"host": "127.0.0.1", "port": port, "url": url, **(progress or {})}}
    settings = Settings.model_validate(document | {"qps": 1000, "burst": 1000})
    calls: list[CallRecord] = []
    async with Cluster(Connection(str(server.kubeconfig)), Limits(1000, 1000), calls.append) as client:
        fleet = Fleet(world, namespace, settings, Store(), Metrics(), calls)
        await _populate(fleet, jobs)
        queue = WorkQueue(time.monotonic, random.random)
        parts = Parts(client, fleet.store, queue, settings, fleet.metrics, lambda: datetime.now(UTC))
        assembly = await assemble(parts)
        secret = await world.get(SECRETS, namespace, SECRET_NAME)
        fleet.trust = ssl.create_default_context(cadata=_decoded(secret["data"]["tls.crt"]))
        workers = Workers(queue, assembly.reconcile, fleet.metrics, time.monotonic)
        tasks = [asyncio.ensure_future(each) for each in (workers.run(4), *(each() for each in assembly.services))]
        try:
            await eventually(lambda: _listens(port))
            yield fleet
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _populate(fleet: Fleet, jobs: int) -> None:
    world, namespace = fleet.world, fleet.namespace
    await eventually(lambda: world.list(ACCOUNTS, namespace, fields="metadata.name=default"))
    await asyncio.gather(*(_train(fleet, f"j{number}") for number in range(jobs)))
    pods = await eventually(lambda: _pods(fleet, jobs))
    await asyncio.gather(*(_run(fleet, pod) for pod in pods))
    for resource in (FINETUNEJOBS, JOBS, PODS):
        for body in await world.list(resource, namespace):
            fleet.store.put(resource, body)


async def _train(fleet: Fleet, name: str) -> None:
    """A job whose data were checked, and the Job of its first attempt at training."""
    body = await fleet.world.create(FINETUNEJOBS, fleet.namespace, fine_tune_job(name, hours=1))
    resolved = resolved_for(parse_job(body))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    prepared = {"stage": "prepare", "number": 1, "job": f"{name}-prepare", "startTime": now}
    ended = {"endTime": now, "outcome": "Succeeded", "reason": "Completed", "message": "checked"}
    status = {"phase": "Running", "resolved": resolved.wire(), "attempts": [prepared | ended]}
    body = await fleet.world.patch_status(FINETUNEJOBS, fleet.namespace, name, {"status": status})
    run = Run(parse_job(body), resolved, "train", 1)
    await fleet.world.create(JOBS, fleet.namespace, render_stage(run, "Always", None))


async def _pods(fleet: Fleet, jobs: int) -> list[Json]:
    pods = await fleet.world.list(PODS, fleet.namespace)
    assert len(pods) == jobs, f"{len(pods)} pods of {jobs} are there"
    return pods


async def _run(fleet: Fleet, pod: Json) -> None:
    """The kubelet starts the container, which gets its token."""
    metadata = pod["metadata"]
    state = {"running": {"startedAt": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}
    status = {"phase": "Running", "containerStatuses": [RUNNING | {"state": state}]}
    await fleet.world.patch_status(PODS, fleet.namespace, metadata["name"], {"status": status})
    name, uid = metadata["labels"][JOB_LABEL], metadata["labels"][UID_LABEL]
    fleet.tokens[name] = await token(fleet.world, pod, progress_audience(fleet.namespace, name, uid))


async def token(world: Cluster, pod: Json, audience: str) -> str:
    """A token as the kubelet asks for it when it mounts a projected volume."""
    metadata = pod["metadata"]
    reference = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
    spec = {"audiences": [audience], "expirationSeconds": 3600, "boundObjectRef": reference}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = await world.create(TOKENS, metadata["namespace"], body)
    return str(answer["status"]["token"])


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()

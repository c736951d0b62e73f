"""A burst of jobs in a namespace of its own, taken in by somebody, and removed again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.api.names import API_VERSION
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES
from tests.bench.plain import take_in
from tests.support.apiserver import NAMESPACES
from tests.support.eventually import eventually

INSTANCE_TYPE = "bench-cpu"
INSTANCE_SPEC = InstanceTypeSpec(cpu="1", memory="2Gi")
SETTLE_SECONDS = 600.0


@asynccontextmanager
async def bench_namespace(cluster: Cluster, name: str) -> AsyncIterator[str]:
    """A namespace that is gone, with all in it, when the context ends: the next burst must not pay for this one."""
    await cluster.create(NAMESPACES, None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        yield name
    finally:
        await cluster.delete(NAMESPACES, None, name)
        await eventually(partial(_gone, cluster, name), SETTLE_SECONDS)


async def offer_instance_type(cluster: Cluster) -> None:
    """The one InstanceType that the jobs ask for."""
    if any(entry["metadata"]["name"] == INSTANCE_TYPE for entry in await cluster.list(INSTANCETYPES)):
        return
    body = {"apiVersion": API_VERSION, "kind": "InstanceType", "metadata": {"name": INSTANCE_TYPE}}
    await cluster.create(INSTANCETYPES, None, {**body, "spec": INSTANCE_SPEC.wire()})


async def plain_burst(cluster: Cluster, namespace: str, count: int) -> float:
    """Seconds that the plain client takes for ``count`` jobs, creating the FineTuneJobs included."""
    start = time.monotonic()
    await take_in(cluster, await _submit(cluster, namespace, count), {INSTANCE_TYPE: INSTANCE_SPEC})
    return time.monotonic() - start


async def operator_burst(cluster: Cluster, namespace: str, count: int) -> float:
    """Seconds until the running operator has told the status of ``count`` jobs, creating them included."""
    start = time.monotonic()
    await _submit(cluster, namespace, count)
    await eventually(partial(_all_told, cluster, namespace, count), SETTLE_SECONDS)
    return time.monotonic() - start


async def _submit(cluster: Cluster, namespace: str, count: int) -> list[Json]:
    places = asyncio.Semaphore(16)

    async def one(number: int) -> Json:
        async with places:
            return await cluster.create(FINETUNEJOBS, namespace, _job(namespace, number))

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def _job(namespace: str, number: int) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "FineTuneJob",
        "metadata": {"name": f"bench-{number}", "namespace": namespace},
        "spec": {
            "jobType": "sft",
            "model": {"name": "pvc://models/tiny"},
            "datasets": [{"name": "chat", "uri": "configmap://chat/train.jsonl"}],
            "instanceType": INSTANCE_TYPE,
        },
    }


async def _all_told(cluster: Cluster, namespace: str, count: int) -> bool:
    jobs = await cluster.list(FINETUNEJOBS, namespace)
    return sum(bool(job.get("status", {}).get("phase")) for job in jobs) == count


async def _gone(cluster: Cluster, name: str) -> bool:
    return all(entry["metadata"]["name"] != name for entry in await cluster.list(NAMESPACES))

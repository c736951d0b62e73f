"""The resources that are submitted, and when each was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.simulated import Plan
from tests.support.objects import fine_tune_job

NAMESPACES: Final = tuple(f"bench-{number:02}" for number in range(20))
"""Ten thousand jobs are many teams': each job's namespace follows from its number."""
INSTANCE_TYPE: Final = "bench-cpu"
SAMPLE_LABEL: Final = "bench.test/sample"
AT_ONCE: Final = 16
MOST_SAMPLES: Final = 1000
USUAL: Final = Plan()


def name_of(number: int) -> str:
    """The name of the n-th resource."""
    return f"bench-{number:05}"


def namespace_of(number: int) -> str:
    """The namespace of the n-th resource."""
    return NAMESPACES[number % len(NAMESPACES)]


def job_body(number: int, plan: Plan = USUAL, *, sampled: bool = True) -> Json:
    """The n-th resource. A sampled one and its pods bear a label, so that a watch may choose them."""
    mark = {SAMPLE_LABEL: "true"} if sampled else {}
    labels = plan.labels() | mark
    extra: Json = {"podTemplate": {"labels": labels}} if labels else {}
    output = {"uri": f"pvc://outputs/{name_of(number)}"}
    body = fine_tune_job(name_of(number), instanceType=INSTANCE_TYPE, output=output, **extra)
    return {**body, "metadata": {**body["metadata"], "labels": mark}}


async def submit(client: Cluster, count: int, *, plan: Plan = USUAL, rate: float | None = None) -> Mapping[str, float]:
    """Create so many resources, as fast as 16 callers can or at so many per second. Each name's time of asking."""
    places = asyncio.Semaphore(AT_ONCE)
    asked: dict[str, float] = {}
    every = max(1, count // MOST_SAMPLES)
    begin = time.monotonic()

    async def one(number: int) -> None:
        if rate:
            await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        async with places:
            asked[name_of(number)] = time.monotonic()
            body = job_body(number, plan, sampled=number % every == 0)
            await client.create(FINETUNEJOBS, namespace_of(number), body)

    await asyncio.gather(*(one(number) for number in range(count)))
    return asked

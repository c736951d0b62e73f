"""The simulated world: the operator as a process leads jobs through it as it would lead real trainers'."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Key
from tests.cluster import down, up
from tests.simulated import Fate, Paces, Plan, World, WorldSettings, simulate
from tests.support.apiserver import apply_crds
from tests.support.eventually import eventually
from tests.support.objects import batch_job, fine_tune_job, instance_type
from tests.support.operator_process import OperatorLaunch, running_operator

pytestmark = pytest.mark.skipif(os.environ.get("CLUSTER") == "current", reason="simulates in a cluster of its own only")

NAMESPACE = "world"
WITHIN = 60.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A control plane of its own: jobs of other tests must not find nodes."""
    name = f"world-{secrets.token_hex(4)}"
    try:
        made = await simulate(up(name, node=False), WorldSettings(Paces(prepare=0.2, train=0.5), nodes=1, volumes=2))
        await apply_crds(made.server)
        yield made
    finally:
        down(name)


async def test_jobs_live_through_in_a_simulated_world_each_by_its_fate(world: World, tmp_path: Path) -> None:
    async with world.server.client() as client:
        await world.furnish(client, NAMESPACE, "models", "outputs")
        await client.create(INSTANCETYPES, None, instance_type("cpu-small"))
        with running_operator(world.server, NAMESPACE, OperatorLaunch(tmp_path)) as operator:
            await operator.leads()
            plans = {
                "well": Plan(),
                "evicted": Plan({("train", 1): Fate.EVICTED}),
                "wrong": Plan({("prepare", 1): Fate.USER_ERROR}),
            }
            for name, plan in plans.items():
                await _apply(client, name, plan)
            await _apply(client, "own-claim", Plan(), shared=False)
            well = await _ended(client, "well")
            assert well["phase"] == "Succeeded"
            assert well["result"]["uri"].endswith("/model")
            evicted = await _ended(client, "evicted")
            assert evicted["phase"] == "Succeeded"
            assert [each["number"] for each in evicted["attempts"] if each["stage"] == "train"] == [1, 2]
            assert (await _ended(client, "wrong"))["failure"]["code"] == "DatasetNotFound"
            assert (await _ended(client, "own-claim"))["phase"] == "Succeeded"


async def test_a_pod_that_is_told_to_end_says_its_last_word_and_goes(world: World) -> None:
    async with world.server.client() as client:
        await world.furnish(client, NAMESPACE)
        job = batch_job(
            "alone", Plan(seconds=3600).labels() | {"finetune.dev/stage": "train", "finetune.dev/attempt": "1"}
        )
        job["spec"] |= {"suspend": False}
        job["spec"]["template"]["metadata"] = {"labels": job["metadata"]["labels"]}
        await client.create(JOBS, NAMESPACE, job)
        pod = await eventually(partial(_pod, client, "Running"), WITHIN)
        assert pod is not None
        await client.delete(PODS, *pod)
        await eventually(partial(_gone, client, pod), WITHIN)


async def _apply(client: Cluster, name: str, plan: Plan, *, shared: bool = True) -> None:
    spec: Json = {"podTemplate": {"labels": plan.labels()}} if plan.labels() else {}
    output: Json = {"output": {"uri": f"pvc://outputs/{name}"}} if shared else {}
    await client.create(FINETUNEJOBS, NAMESPACE, fine_tune_job(name, **spec, **output))


async def _ended(client: Cluster, name: str) -> Json:
    return await eventually(partial(_terminal, client, name), WITHIN)


async def _terminal(client: Cluster, name: str) -> Json:
    status: Json = (await client.get(FINETUNEJOBS, NAMESPACE, name)).get("status", {})
    assert status.get("phase") in {"Succeeded", "Failed"}, f"{name} is {status.get('phase')}: {status.get('message')}"
    return status


async def _pod(client: Cluster, phase: str) -> Key | None:
    pods = await client.list(PODS, NAMESPACE)
    return next((Key(NAMESPACE, pod["metadata"]["name"]) for pod in pods if pod["status"]["phase"] == phase), None)


async def _gone(client: Cluster, pod: Key) -> bool:
    return all(each["metadata"]["name"] != pod.name for each in await client.list(PODS, NAMESPACE))

"""Curves and log lines in ConfigMaps of a real API server: what is kept, by whom, how often, and until when."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, record_name
from finetune_operator.cluster import NotFound, Resource
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import CONFIGMAPS, FINETUNEJOBS, PODS
from finetune_operator.reconciler.task import Task
from tests.controlplane.fleet import Fleet, Place, a_fleet, leading, report, training
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually

pytestmark = pytest.mark.controlplane

QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
OFTEN: Json = {"recordIntervalSeconds": 0.3}
COLLECTED = 120.0
"""The garbage collector learns of a new kind every thirty seconds, and tries again ever more patiently until then."""
NEVER: Json = {"recordIntervalSeconds": 3600}


@pytest.fixture
def place(api_server: ApiServer, cluster: Cluster, namespace: str) -> Place:
    return Place(api_server, cluster, namespace)


@dataclass(frozen=True)
class Kept:
    """What is kept of the job j0."""

    place: Place

    async def map(self, kind: str) -> Json | None:
        """One of its ConfigMaps."""
        job = await self.place.world.get(FINETUNEJOBS, self.place.namespace, "j0")
        name = record_name("j0", job["metadata"]["uid"], kind, 0)
        try:
            return await self.place.world.get(CONFIGMAPS, self.place.namespace, name)
        except NotFound:
            return None

    async def steps(self, *expected: int) -> bool:
        """Whether the curve of its loss has exactly these steps."""
        body = await self.map("curve")
        found = json.loads(body["data"]["curve.json"])["metrics"]["loss"]["steps"] if body else []
        assert found == list(expected)
        return True

    async def messages(self, *expected: str) -> bool:
        """Whether its log has exactly these messages."""
        body = await self.map("log")
        lines = body["data"]["log.jsonl"].splitlines() if body else []
        assert [json.loads(line)["message"] for line in lines] == list(expected)
        return True


async def says(fleet: Fleet, step: int, *lines: str, name: str = "j0") -> None:
    """The trainer reports a step with a loss of its own, and these lines."""
    logs = [{"timestamp": "2026-11-21T12:00:00Z", "level": "info", "message": line} for line in lines]
    assert (await fleet.post(name, report(step, metrics={"loss": 1 / step}, logs=logs)))[0] == 200


async def test_another_operator_goes_on_with_the_curve_and_the_log(place: Place) -> None:
    tokens, kept = await training(place, 1), Kept(place)
    async with leading(place, tokens, OFTEN) as first:
        await says(first, 1, "one")
        await says(first, 2, "two")
        await eventually(lambda: kept.steps(1, 2))
        await eventually(lambda: kept.messages("one", "two"))
    async with leading(place, tokens, OFTEN) as second:
        await says(second, 3, "two", "three")
        await eventually(lambda: kept.steps(1, 2, 3))
        await eventually(lambda: kept.messages("one", "two", "three"))


async def test_two_operators_at_once_lose_no_line_to_each_other(place: Place) -> None:
    tokens, kept = await training(place, 1), Kept(place)
    async with leading(place, tokens, OFTEN) as first, leading(place, tokens, OFTEN) as second:
        for step in range(1, 9):
            await says(first if step % 2 else second, step, f"line {step}")
        await eventually(lambda: _all_lines(kept, 8))


async def test_at_the_end_of_a_job_all_is_kept_at_once_and_outlives_its_pods(place: Place) -> None:
    kept = Kept(place)
    async with a_fleet(place, 1, NEVER) as fleet:
        await says(fleet, 5, "the last words")
        progress = {"step": 9, "metrics": {"loss": 0.125}, "lastUpdatedTime": "2026-11-21T12:00:00Z"}
        ended = {"status": {"phase": "Succeeded", "progress": progress}}
        fleet.store.put(FINETUNEJOBS, await place.world.patch_status(FINETUNEJOBS, place.namespace, "j0", ended))
        fleet.queue.add(Task(place.namespace, "j0"))
        await eventually(lambda: kept.steps(5, 9))
        await eventually(lambda: kept.messages("the last words"))
    # What still runs when a job is over is ended.
    await eventually(lambda: _no_pods(place))
    assert await kept.steps(5, 9)
    assert await kept.messages("the last words")


async def _no_pods(place: Place) -> bool:
    return not await place.world.list(PODS, place.namespace)


async def test_what_is_kept_goes_with_its_job(place: Place) -> None:
    kept = Kept(place)
    async with a_fleet(place, 1, OFTEN) as fleet:
        await says(fleet, 1, "one")
        await eventually(lambda: kept.messages("one"))
    await place.world.delete(FINETUNEJOBS, place.namespace, "j0")
    await eventually(lambda: _nothing_is_kept(place), COLLECTED)


async def test_the_curves_and_logs_of_many_jobs_are_written_no_faster_than_the_setting(place: Place) -> None:
    rate, jobs = 5, 20
    pacing = {"recordIntervalSeconds": 0.1, "recordWritesPerSecond": rate}
    async with a_fleet(place, jobs, pacing) as fleet:
        start = time.monotonic()
        for step in range(1, 6):
            for name in fleet.tokens:
                await says(fleet, step, f"line {step}", name=name)
        await eventually(lambda: _last_steps(place, jobs, 5))
        seconds = time.monotonic() - start
        writes = fleet.made("create", "configmaps") + fleet.made("patch", "configmaps")
        print(f"{5 * jobs} reports with lines in {seconds:.1f} s: {writes} writes of ConfigMaps")
        assert 2 * jobs <= writes <= rate * seconds + rate


async def test_what_the_api_server_refuses_to_keep_waits_and_progress_goes_on(place: Place) -> None:
    kept, world = Kept(place), place.world
    quota = {"metadata": {"name": "no-room"}, "spec": {"hard": {"count/configmaps": "0"}}}
    await world.create(QUOTAS, place.namespace, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    await eventually(lambda: _in_force(place))
    async with a_fleet(place, 1, OFTEN | {"statusIntervalSeconds": 0.2}) as fleet:
        await says(fleet, 1, "one")
        await eventually(lambda: fleet.made("create", "configmaps") > 1)
        await says(fleet, 2, "two")
        await eventually(lambda: fleet.told(2))
        assert await kept.messages()

        await world.delete(QUOTAS, place.namespace, "no-room")
        await eventually(lambda: kept.messages("one", "two"))
        assert await kept.steps(1, 2)


async def _all_lines(kept: Kept, number: int) -> bool:
    body = await kept.map("log")
    lines = body["data"]["log.jsonl"].splitlines() if body else []
    found = {json.loads(line)["message"] for line in lines}
    assert found == {f"line {step}" for step in range(1, number + 1)}
    return True


async def _last_steps(place: Place, jobs: int, step: int) -> bool:
    bodies = [body for body in await place.world.list(CONFIGMAPS, place.namespace) if "curve.json" in body["data"]]
    found = [json.loads(body["data"]["curve.json"])["metrics"]["loss"]["steps"][-1] for body in bodies]
    assert found == [step] * jobs
    return True


async def _nothing_is_kept(place: Place) -> bool:
    return not await place.world.list(CONFIGMAPS, place.namespace, labels=JOB_LABEL)


async def _in_force(place: Place) -> bool:
    quota = await place.world.get(QUOTAS, place.namespace, "no-room")
    return bool(quota.get("status", {}).get("hard"))

"""Nodes that are played: every pod of ours starts and ends, step by step, each step once the status tells of the last.

There is no node in truth: a pod waits until the scheduler has found none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, JOB_LABEL, STAGE_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS, Key, Resource
from finetune_operator.reconciler.source import OURS

POLL: Final = 0.1
NODE: Final = "node-0"


@dataclass(frozen=True)
class Fate:
    """How a container ends: its exit code and its termination message."""

    code: int
    message: str


FateOf = Callable[[str, int], Fate]
"""By stage and attempt."""


def success(stage: str, attempt: int) -> Fate:
    """It does what it is there for."""
    report = {"rows": 48, "tokens": 1932, "warnings": []}
    told: Json = {"report": report} if stage == "prepare" else {"step": 18, "trainingSeconds": 12.5}
    document = {"contractVersion": 1, "stage": stage, "attempt": attempt, "result": "completed", "message": "done"}
    return Fate(0, json.dumps(document | told))


@asynccontextmanager
async def played_nodes(world: Cluster, fate_of: FateOf = success, poll: float = POLL) -> AsyncIterator[None]:
    """All pods of ours are played while the context lasts; an API server that is away is waited for."""
    async with meanwhile(_play(world, fate_of, poll)):
        yield


@asynccontextmanager
async def meanwhile(play: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Something is played while the context lasts."""
    playing = asyncio.ensure_future(play)
    try:
        yield
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing


async def _play(world: Cluster, fate_of: FateOf, poll: float) -> None:
    while True:
        with suppress(ClusterError):
            jobs = {_key(body): body.get("status") or {} for body in await world.list(FINETUNEJOBS)}
            # Those that inspect a Dataset have no stage, and nobody to play them.
            for pod in await world.list(PODS, labels=f"{OURS},{STAGE_LABEL}"):
                owner = Key(pod["metadata"]["namespace"], pod["metadata"]["labels"].get(JOB_LABEL, ""))
                if step := next_step(pod, jobs.get(owner, {}), fate_of):
                    await _take(world, pod, step)
        await asyncio.sleep(poll)


async def _take(world: Cluster, pod: Json, step: Json) -> None:
    with suppress(ClusterError):  # it was deleted or has changed meanwhile
        key = _key(pod)
        await world.patch_status(PODS, key.namespace, key.name, {"status": step})


def next_step(pod: Json, job: Json, fate_of: FateOf) -> Json | None:
    """What the kubelet writes next into the pod's status; None while the job's status has not told of the last step."""
    labels = pod["metadata"]["labels"]
    stage, number = labels[STAGE_LABEL], int(labels[ATTEMPT_LABEL])
    if "deletionTimestamp" in pod["metadata"] or not _recorded(job, stage, number):
        return None
    phase = pod["status"].get("phase")
    if phase == "Pending" and job.get("reason") == "Unschedulable":
        return running()
    return ended(fate_of(stage, number)) if phase == "Running" and _told_running(job, stage) else None


async def bind(world: Cluster, pod: Json) -> None:
    """Put a pod on a node, as the scheduler does; of the node there is only the name."""
    namespace, name = _key(pod)
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": NODE}}
    await world.create(Resource("", "v1", f"pods/{name}/binding", "Binding"), namespace, body)


def running() -> Json:
    """The status of a pod whose container runs since now."""
    return {"phase": "Running", "containerStatuses": [_container({"running": {"startedAt": _stamp()}})]}


def ended(fate: Fate) -> Json:
    """The status of a pod whose container has ended so."""
    told = {"exitCode": fate.code, "message": fate.message, "startedAt": _stamp(), "finishedAt": _stamp()}
    state = {"terminated": told | {"reason": "Error" if fate.code else "Completed"}}
    return {"phase": "Failed" if fate.code else "Succeeded", "containerStatuses": [_container(state)]}


def _recorded(job: Json, stage: str, number: int) -> bool:
    return any((each["stage"], each["number"]) == (stage, number) for each in job.get("attempts", ()))


def _told_running(job: Json, stage: str) -> bool:
    if stage == "train":
        return bool(job.get("phase") == "Running")
    return bool(job.get("reason") in {"Validating", "Preparing"})


def _key(body: Json) -> Key:
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


def _container(state: Json) -> Json:
    return {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

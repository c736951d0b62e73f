"""The cluster and the owner of an eventful life, both played: what they do next follows from what the API server has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS, Resource
from finetune_operator.reconciler.source import OURS
from tests.controlplane.life import NAME, Life
from tests.support.played_nodes import POLL, Fate, success

FAILS: Final = ("train", 1)
SUSPENDED: Final = ("train", 2)
"""It trains until it is told to end, on a node that waits for its last word."""
NODE: Final = "node-0"
ARTIFACT: Final[Json] = {"path": "model", "kind": "model", "files": ["a"], "bytes": 7, "digest": f"sha256:{'0' * 64}"}


def fate_of(stage: str, attempt: int) -> Fate:
    """How each attempt ends: the first training with an error, the second as it was told to, all others well."""
    well = success(stage, attempt)
    if (stage, attempt) == FAILS:
        return Fate(1, "boom")
    if (stage, attempt) == SUSPENDED:
        saved = {"result": "retry", "code": "Terminated", "message": "saved", "step": 7, "trainingSeconds": 5.0}
        return Fate(75, json.dumps(json.loads(well.message) | saved))
    return Fate(0, json.dumps(json.loads(well.message) | {"artifact": ARTIFACT})) if stage == "publish" else well


@asynccontextmanager
async def played(life: Life) -> AsyncIterator[None]:
    """Nodes and owner act while the context lasts, whatever becomes of the operator."""
    playing = asyncio.ensure_future(_Played(life.world, life.namespace).go_on())
    try:
        yield
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing


@dataclass(frozen=True)
class _Played:
    world: Cluster
    namespace: str

    async def go_on(self) -> None:
        """Look, and do what is next, again and again."""
        while True:
            with suppress(ClusterError):  # what was looked at has changed meanwhile, or has not begun
                body = await self.world.get(FINETUNEJOBS, self.namespace, NAME)
                status = body.get("status") or {}
                await self._own(body["spec"], status)
                for pod in await self.world.list(PODS, self.namespace, labels=OURS):
                    await self._keep(pod, status)
            await asyncio.sleep(POLL)

    async def _own(self, spec: Json, status: Json) -> None:
        """Suspend what trains on its node; let it go on once it is said to be suspended."""
        suspended = bool(spec.get("suspend"))
        if suspended and status.get("phase") == "Suspended":
            await self._ask(suspend=False)
        if not suspended and (record := _record(status, *SUSPENDED)) and record.get("node") and not _ended(record):
            await self._ask(suspend=True)

    async def _keep(self, pod: Json, status: Json) -> None:
        """What scheduler and kubelet do next: each step once the status has told of the last, but an end in any case."""
        metadata, phase = pod["metadata"], pod["status"].get("phase")
        stage, number = metadata["labels"][STAGE_LABEL], int(metadata["labels"][ATTEMPT_LABEL])
        if "deletionTimestamp" in metadata:
            await self._let_go(pod, fate_of(stage, number))
        elif _record(status, stage, number) is None:
            return
        elif phase == "Pending" and status.get("reason") == "Unschedulable":
            await self._say(pod, "Running", {"running": {"startedAt": _stamp()}})
        elif phase == "Running" and _told_running(status, stage):
            await (self._bind(pod) if (stage, number) == SUSPENDED else self._end(pod, fate_of(stage, number)))

    async def _let_go(self, pod: Json, fate: Fate) -> None:
        """Told to end, it says its last word; then its node confirms that it is gone. On no node it goes by itself."""
        if pod["status"].get("phase") == "Running":
            await self._end(pod, fate)
        if "nodeName" in pod["spec"]:
            metadata = pod["metadata"]
            await self.world.delete(PODS, self.namespace, metadata["name"], uid=metadata["uid"], grace_seconds=0)

    async def _bind(self, pod: Json) -> None:
        if "nodeName" in pod["spec"]:
            return
        name = pod["metadata"]["name"]
        target = Resource("", "v1", f"pods/{name}/binding", "Binding")
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}}
        await self.world.create(target, self.namespace, body | {"target": {"kind": "Node", "name": NODE}})

    async def _end(self, pod: Json, fate: Fate) -> None:
        ended = {"exitCode": fate.code, "message": fate.message, "startedAt": _stamp(), "finishedAt": _stamp()}
        said = {"terminated": ended | {"reason": "Error" if fate.code else "Completed"}}
        await self._say(pod, "Failed" if fate.code else "Succeeded", said)

    async def _say(self, pod: Json, phase: str, state: Json) -> None:
        container = {"name": "trainer", "image": "x", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        told = {"phase": phase, "containerStatuses": [container]}
        await self.world.patch_status(PODS, self.namespace, pod["metadata"]["name"], {"status": told})

    async def _ask(self, **spec: object) -> None:
        await self.world.patch(FINETUNEJOBS, self.namespace, NAME, {"spec": spec})


def _record(status: Json, stage: str, number: int) -> Json | None:
    found = (each for each in status.get("attempts", ()) if (each["stage"], each["number"]) == (stage, number))
    return next(found, None)


def _ended(record: Json) -> bool:
    return "endTime" in record


def _told_running(status: Json, stage: str) -> bool:
    if stage == "train":
        return bool(status.get("phase") == "Running")
    return bool(status.get("reason") in {"Validating", "Publishing"})


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The cluster and the owner of an eventful life, both played: what they do next follows from what the API server has."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import FINETUNEJOBS, PODS
from finetune_operator.reconciler.source import OURS
from tests.controlplane.life import NAME, Life
from tests.support.played_nodes import POLL, Fate, bind, ended, meanwhile, running, success

FAILS: Final = ("train", 1)
SUSPENDED: Final = ("train", 2)
"""It trains until it is told to end, on a node that waits for its last word."""
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


def played(life: Life) -> AbstractAsyncContextManager[None]:
    """Nodes and owner act while the context lasts, whatever becomes of the operator."""
    return meanwhile(_Played(life.world, life.namespace).go_on())


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
            await self._say(pod, running())
        elif phase == "Running" and _told_running(status, stage):
            await (self._place(pod) if (stage, number) == SUSPENDED else self._say(pod, ended(fate_of(stage, number))))

    async def _let_go(self, pod: Json, fate: Fate) -> None:
        """Told to end, it says its last word; then its node confirms that it is gone. On no node it goes by itself."""
        if pod["status"].get("phase") == "Running":
            await self._say(pod, ended(fate))
        if "nodeName" in pod["spec"]:
            metadata = pod["metadata"]
            await self.world.delete(PODS, self.namespace, metadata["name"], uid=metadata["uid"], grace_seconds=0)

    async def _place(self, pod: Json) -> None:
        if "nodeName" not in pod["spec"]:
            await bind(self.world, pod)

    async def _say(self, pod: Json, status: Json) -> None:
        await self.world.patch_status(PODS, self.namespace, pod["metadata"]["name"], {"status": status})

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

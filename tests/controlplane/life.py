"""The whole life of one job under a real operator, and what must hold of it however it was disturbed."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS, NAMESPACES, PODS, SERVICES
from tests.support.eventually import eventually
from tests.support.faulty_proxy import Written
from tests.support.objects import fine_tune_job

NAME: Final = "support-bot"
WRITES: Final = Counter({"finetunejobs/status": 7, "jobs": 2, "persistentvolumeclaims": 1, "events": 7})
"""What an undisturbed life costs: a status and at most one child for each transition, and an Event beside it."""
PATIENCE: Final = 150.0
"""Seconds for a life with one fault: a request that hangs is given up after thirty."""
SUMMARY: Final[Json] = {
    "phase": "Succeeded",
    "reason": "Completed",
    "retries": 0,
    "attempts": [("prepare", 1, "Succeeded"), ("train", 1, "Succeeded")],
    "holds": ["Complete", "Ready", "Validated"],
    "trainingSeconds": 12.5,
    "rows": 48,
}
"""What the status says at the end of an undisturbed life, without times and names."""


@dataclass(frozen=True)
class Life:
    """One FineTuneJob in a namespace of its own."""

    world: Cluster
    namespace: str
    hardware: str

    async def begin(self, **spec: object) -> Json:
        """Apply the job."""
        body = fine_tune_job(NAME, **{"instanceType": self.hardware, "hours": 1, **spec})
        return await self.world.create(FINETUNEJOBS, self.namespace, body)

    async def body(self) -> Json:
        """The job as the API server holds it."""
        return await self.world.get(FINETUNEJOBS, self.namespace, NAME)

    async def status(self) -> FineTuneJobStatus:
        """Its status."""
        return FineTuneJobStatus.model_validate((await self.body()).get("status") or {})

    async def reaches(self, *phases: str) -> bool:
        """Whether it is in one of these phases; an AssertionError with what it says instead."""
        try:
            status = await self.status()
        except ClusterError as error:  # the API server may be what is disturbed
            raise AssertionError(str(error)) from error
        assert status.phase in phases, f"{self.namespace}: {status.phase}, {status.reason}: {status.message}"
        return True

    async def ends(self, within: float = PATIENCE) -> None:
        """Wait for its end."""
        await eventually(lambda: self.reaches(*TERMINAL_PHASES), within)

    async def children(self) -> list[str]:
        """Its Jobs: stage and attempt."""
        labels = [body["metadata"]["labels"] for body in await self.world.list(JOBS, self.namespace)]
        return sorted(f"{each[STAGE_LABEL]}-{each[ATTEMPT_LABEL]}" for each in labels)

    async def is_as_undisturbed(self) -> None:
        """One Job per attempt and stage, no orphan, no word in the spec, and the status of an undisturbed life."""
        body = await self.body()
        assert summary_of(body) == SUMMARY, self.namespace
        assert body["metadata"]["generation"] == 1
        assert await self.children() == ["prepare-1", "train-1"]
        await self._has_no_orphan(body["metadata"]["uid"])

    def took_few_writes(self, written: Iterable[Written], *, more: int = 2) -> None:
        """Every child once, never the spec, and of status and Events at most ``more`` than an undisturbed life."""
        took = Counter(each.plural for each in written if each.namespace == self.namespace)
        assert took["finetunejobs"] == 0, "somebody wrote into the spec"
        assert took["jobs"] == WRITES["jobs"]
        assert took["persistentvolumeclaims"] == WRITES["persistentvolumeclaims"]
        for plural in ("finetunejobs/status", "events"):
            assert took[plural] <= WRITES[plural] + more, took

    async def _has_no_orphan(self, uid: str) -> None:
        for resource in (JOBS, PODS, SERVICES):  # a claim outlives its job unless its owner says otherwise
            owners = {
                each["metadata"].get("labels", {}).get(UID_LABEL)
                for each in await self.world.list(resource, self.namespace)
            }
            assert owners <= {uid}, f"{resource.plural} of somebody else: {owners}"


def summary_of(body: Json) -> Json:
    """What a status says, without times and names."""
    status = FineTuneJobStatus.model_validate(body["status"])
    return {
        "phase": status.phase,
        "reason": status.reason,
        "retries": status.retries or 0,
        "attempts": [(each.stage, each.number, each.outcome) for each in status.attempts],
        "holds": sorted(each.type for each in status.conditions if each.status == "True"),
        "trainingSeconds": status.usage.training_seconds if status.usage else None,
        "rows": status.report.rows if status.report else None,
    }


@asynccontextmanager
async def lives(world: Cluster, hardware: str, number: int) -> AsyncIterator[list[Life]]:
    """So many, each in a namespace of its own; none has begun."""
    names = [f"life-{secrets.token_hex(4)}" for _ in range(number)]
    for name in names:
        await world.create(NAMESPACES, None, {"metadata": {"name": name}})
    try:
        yield [Life(world, name, hardware) for name in names]
    finally:
        for name in names:
            await world.delete(NAMESPACES, None, name)

"""An operator is killed at each of its writes; the ones after it bring the job to the same end with the same children."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

import pytest
from typing_extensions import override

from finetune_operator.api.conditions import Phase
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.cluster.client import Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.resources import CLAIMS, Resource
from tests.controlplane.stage import Operator, Stage, verdict

pytestmark = pytest.mark.controlplane

When = Literal["at once", "before the next"]


class KilledError(Exception):
    """The operator's process ended here."""


class MortalCluster(Cluster):
    """A real client whose owner is killed after a write that took effect, at once or before the one that follows."""

    def __init__(self, connection: Connection, fatal: int, when: When) -> None:
        super().__init__(connection, Limits(10_000, 10_000))
        self._left = fatal
        self._when = when

    @override
    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """As a client does, or the end."""
        return await self._mortally(lambda: super(MortalCluster, self).create(resource, namespace, body))

    @override
    async def patch_status(self, resource: Resource, namespace: str | None, name: str, body: Json) -> Json:
        """As a client does, or the end."""
        return await self._mortally(lambda: super(MortalCluster, self).patch_status(resource, namespace, name, body))

    async def _mortally(self, write: Callable[[], Awaitable[Json]]) -> Json:
        if self._left == 0:
            raise KilledError
        written = await write()
        self._left -= 1
        if self._left == 0 and self._when == "at once":
            raise KilledError
        return written


async def visits_of_mortals(stage: Stage, fatal: int, when: When) -> FineTuneJobStatus:
    """Operators come one after another, each with a fresh view, until one has nothing left to write."""
    for _ in range(30):
        async with MortalCluster(Connection(str(stage.server.kubeconfig)), fatal, when) as client:
            with suppress(KilledError):
                await Operator(client, []).visit(stage.namespace)
                return await stage.status()
    raise AssertionError("thirty operators died and the job did not come to rest")


@pytest.mark.parametrize(("fatal", "when"), [(1, "at once"), (1, "before the next"), (2, "at once")])
async def test_a_life_under_operators_that_all_die_young(stage: Stage, fatal: int, when: When) -> None:
    await stage.apply()
    assert (await visits_of_mortals(stage, fatal, when)).phase == Phase.VALIDATING
    await stage.run("prepare")
    await visits_of_mortals(stage, fatal, when)
    await stage.end("prepare", message=verdict(stage="prepare"))
    assert (await visits_of_mortals(stage, fatal, when)).phase == Phase.QUEUED
    await stage.run("train")
    assert (await visits_of_mortals(stage, fatal, when)).phase == Phase.RUNNING
    await stage.end("train", message=verdict(step=18))
    done = await visits_of_mortals(stage, fatal, when)
    assert done.phase == Phase.SUCCEEDED
    assert [(a.stage, a.number, a.outcome) for a in done.attempts] == [
        ("prepare", 1, "Succeeded"),
        ("train", 1, "Succeeded"),
    ]
    assert await stage.jobs() == ["prepare-1", "train-1"]
    assert len(await stage.world.list(CLAIMS, stage.namespace)) == 1


@pytest.mark.parametrize(("fatal", "when"), [(1, "at once"), (1, "before the next")])
async def test_an_error_under_operators_that_all_die_young_is_counted_once(
    stage: Stage, fatal: int, when: When
) -> None:
    await stage.apply()
    await stage.prepare()
    await stage.run("train")
    await stage.end("train", code=1, message="boom")
    seen = await visits_of_mortals(stage, fatal, when)
    assert seen.retries == 1
    assert (await visits_of_mortals(stage, fatal, when)).retries == 1
    assert await stage.jobs() == ["prepare-1", "train-1"]

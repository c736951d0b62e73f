"""What every measurement needs: a fresh simulated world, a client, one InstanceType, and operators as processes."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster as Client
from finetune_operator.cluster.resources import INSTANCETYPES
from tests.bench.jobs import INSTANCE_TYPE, NAMESPACES
from tests.bench.processes import Bill, bill
from tests.cluster import down, up
from tests.cluster.places import cluster_folder
from tests.cluster.record import require
from tests.simulated import Paces, World, WorldSettings, simulate
from tests.support.apiserver import apply_crds
from tests.support.eventually import eventually
from tests.support.objects import instance_type
from tests.support.operator_process import OperatorLaunch, OperatorProcess, running_operator

CLUSTER: Final = "bench"
OPERATOR_NAMESPACE: Final = "finetune-bench"
SETTINGS: Final[Json] = {
    "qps": 1000,
    "burst": 1000,
    "logLevel": "info",
    "podName": "finetune-operator-0",
    "lease": {"seconds": 15, "renewSeconds": 5},
}
"""Of the operator under test. Its pod's name makes a killed one find its own Lease again, as in a cluster."""
WRITES: Final = frozenset({"create", "patch", "patch_status", "replace", "delete"})


@dataclass(frozen=True)
class Stand:
    """A world to measure in, and the folder where operators log."""

    world: World
    client: Client
    folder: Path
    settings: Json = field(default_factory=lambda: dict(SETTINGS))

    @contextmanager
    def operator(self, environment: Mapping[str, str] | None = None) -> Iterator[OperatorProcess]:
        """The operator under test, from its start; ``leads()`` waits until it acts."""
        launch = OperatorLaunch(self.folder, self.settings, environment or {})
        with running_operator(self.world.server, OPERATOR_NAMESPACE, launch) as process:
            yield process

    def bill(self, operator: OperatorProcess | None = None) -> Bill:
        """What the cluster and this operator have cost so far."""
        name = self.world.cluster.name
        supervisor = require(name, cluster_folder(name)).supervisor.pid
        return bill(supervisor, operator.process.pid if operator else None)


@asynccontextmanager
async def a_stand(paces: Paces, settings: Json | None = None) -> AsyncIterator[Stand]:
    """A stand in a control plane of its own, fresh and removed afterwards: nothing pays for what was before.

    ``settings``: of its operators, beside those that all have.
    """
    down(CLUSTER)
    try:
        # A node for each namespace: left to itself the scheduler takes the first node of its list while none is busier, and
        # one kwok would play nearly all pods.
        world = await simulate(up(CLUSTER, node=False), WorldSettings(paces, nodes=len(NAMESPACES)))
        await apply_crds(world.server)
        async with world.server.client() as client:
            await world.furnish(client, OPERATOR_NAMESPACE)
            # All at once: the controller that binds claims looks at what it missed every 15 s only.
            furnishing = (
                world.furnish(client, name, "models", "outputs", node=node) for node, name in enumerate(NAMESPACES)
            )
            await asyncio.gather(*furnishing)
            await client.create(INSTANCETYPES, None, instance_type(INSTANCE_TYPE))
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                yield Stand(world, client, Path(folder), SETTINGS | (settings or {}))
    finally:
        down(CLUSTER)


class OperatorEndedError(RuntimeError):
    """The operator under test has ended by itself: there is nothing more to measure. Its last lines say why."""


async def until(operator: OperatorProcess, probe: Callable[[], object], within: float) -> None:
    """Wait until ``probe`` is true. Raises AssertionError when time is up, OperatorEndedError when the operator ended."""

    async def asked() -> object:
        if operator.process.poll() is not None:
            raise OperatorEndedError(f"the operator ended with {operator.process.returncode}:\n{operator.tail()}")
        answer = probe()
        return await answer if inspect.isawaitable(answer) else answer

    await eventually(asked, within)


@dataclass(frozen=True)
class Readings:
    """What an operator's metrics say: calls by verb and resource, jobs by phase, and what waits."""

    calls: Mapping[tuple[str, str], float]
    phases: Mapping[str, float]
    waiting: float

    @property
    def writes(self) -> Mapping[tuple[str, str], float]:
        """Of the calls, those that change something; of the Lease's, none: they are not for a job."""
        return {key: number for key, number in self.calls.items() if key[0] in WRITES and key[1] != "leases"}

    @property
    def reads(self) -> Mapping[tuple[str, str], float]:
        """Of the calls, those that change nothing."""
        return {key: number for key, number in self.calls.items() if key[0] not in WRITES and key[1] != "leases"}


async def read(operator: OperatorProcess) -> Readings:
    """Ask the operator for its metrics."""
    status, text = await operator.get("/metrics")
    assert status == 200, operator.tail()
    calls: dict[tuple[str, str], float] = {}
    phases: dict[str, float] = {}
    waiting = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "finetune_api_calls_total":
                key = (sample.labels["verb"], sample.labels["resource"])
                calls[key] = calls.get(key, 0.0) + sample.value
            if sample.name == "finetune_jobs":
                phases[sample.labels["phase"]] = sample.value
            if sample.name in {"finetune_queue_depth", "finetune_queue_working"}:
                waiting += sample.value
    return Readings(calls, phases, waiting)

"""An operator that is started again whenever it ends, as the kubelet does with a container."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from finetune_operator.api.model import Json
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.faulty_proxy import FaultyProxy
from tests.support.operator_process import OperatorLaunch, OperatorProcess, running_operator

LONGEST_START: Final = 120.0
LEASE: Final = {"seconds": 15, "renewSeconds": 0.5}
"""Its identity stays, as that of a pod whose container is started again: it never waits for itself."""


@dataclass
class KeptOperator:
    """The lives that it has had so far; the last one is the present one."""

    lives: list[OperatorProcess] = field(default_factory=list)

    def kill(self) -> bool:
        """End it as the kernel does when memory is short; False when it was dead already."""
        process = self.lives[-1].process
        lived = process.poll() is None
        process.kill()
        return lived

    async def leads(self) -> None:
        """Wait until a life of it leads and knows the cluster."""
        await eventually(lambda: self.lead, LONGEST_START)

    @property
    def lead(self) -> bool:
        """Whether the present life leads."""
        return bool(self.lives) and self.lives[-1].process.poll() is None and self.lives[-1].said("leading;")

    def defects(self) -> list[Json]:
        """What any life of it has logged as its own fault, and what Python printed when it died of it."""
        lines = [line for life in self.lives for line in life.log()]
        return [line for line in lines if re.match(r"a defect|ending because|Traceback", str(line["message"]))]


def through(proxy: FaultyProxy, launch: OperatorLaunch) -> OperatorLaunch:
    """The launch of a kept operator that reaches the API server through the proxy."""
    environment: Mapping[str, str] = {"KUBECONFIG": str(proxy.kubeconfig), "POD_NAME": "operator-0"}
    return OperatorLaunch(launch.folder, {"lease": LEASE, **launch.settings}, environment)


@asynccontextmanager
async def kept_operator(server: ApiServer, namespace: str, launch: OperatorLaunch) -> AsyncIterator[KeptOperator]:
    """It runs while the context lasts, again and again."""
    kept = KeptOperator()
    keeping = asyncio.ensure_future(_keep(kept, server, namespace, launch))
    try:
        yield kept
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _keep(kept: KeptOperator, server: ApiServer, namespace: str, launch: OperatorLaunch) -> None:
    while True:
        with running_operator(server, namespace, launch) as life:
            kept.lives.append(life)
            await eventually(_has_ended(life), math.inf)


def _has_ended(life: OperatorProcess) -> Callable[[], bool]:
    return lambda: life.process.poll() is not None

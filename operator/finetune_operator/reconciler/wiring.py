"""Puts the operator together and walks it through its life: standby → listing → leading → gone."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Final, NoReturn

from finetune_operator.cluster.client import Cluster, Limits
from finetune_operator.cluster.connection import Connection
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import Key
from finetune_operator.reconciler.badge import take_off, wear
from finetune_operator.reconciler.health import serve_health
from finetune_operator.reconciler.kopf_source import KopfSource
from finetune_operator.reconciler.leader import Candidate, Leader, LeaseLost
from finetune_operator.reconciler.metrics import Metrics
from finetune_operator.reconciler.queue import Backoff, WorkQueue
from finetune_operator.reconciler.resync import Resync
from finetune_operator.reconciler.settings import Settings
from finetune_operator.reconciler.source import Intake
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.supervisor import Supervisor
from finetune_operator.reconciler.vitals import Stage, Vitals
from finetune_operator.reconciler.workers import Reconcile, Workers

log = logging.getLogger(__name__)

FAREWELL_SECONDS: Final = 5.0
PATIENCE: Final = Backoff(first=1, longest=30)


@dataclass(frozen=True)
class Parts:
    """What the thinking half of the operator is built from. ``now`` is the wall clock, in UTC."""

    cluster: Cluster
    store: Store
    queue: WorkQueue
    settings: Settings
    metrics: Metrics
    now: Callable[[], datetime]


Service = Callable[[], Awaitable[None]]
"""Runs beside the workers until cancelled."""


@dataclass(frozen=True)
class Assembly:
    """The thinking half: what the workers call, and what else runs while we lead."""

    reconcile: Reconcile
    services: tuple[Service, ...] = ()


Assemble = Callable[[Parts], Awaitable[Assembly]]
"""Called once all is listed; a ClusterError means: again later."""


async def operate(settings: Settings, environ: Mapping[str, str], assemble: Assemble) -> None:
    """Be an operator until cancelled; gives the Lease back on the way out.

    Raises NoCluster, OSError for an address that cannot be bound, and what ``assemble`` or a service
    raises, maybe in an ExceptionGroup. On the loss of the Lease the process ends at once.
    """
    metrics, store = Metrics(), Store()
    queue = WorkQueue(time.monotonic, random.random)
    metrics.watch(store, queue)
    vitals = Vitals(metrics, queue)
    limits = Limits(settings.qps, settings.burst)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(Cluster(Connection.find(environ), limits, metrics.called))
        port = await stack.enter_async_context(serve_health(settings.health, vitals))
        log.info("standing by; probes and metrics on port %d", port)
        parts = Parts(cluster, store, queue, settings, metrics, lambda: datetime.now(UTC))
        await _stand_by_and_reign(parts, vitals, assemble)


async def _stand_by_and_reign(parts: Parts, vitals: Vitals, assemble: Assemble) -> None:
    """Wait for the Lease, lead while it lasts, give it back."""
    settings = parts.settings
    pod = Key(settings.namespace, settings.pod_name) if settings.pod_name else None
    leader = Leader(parts.cluster, _candidate(settings), time.monotonic, parts.now)
    # A killed container of this pod may have left it.
    await take_off(parts.cluster, pod)
    await leader.acquire()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_hold(leader), name="lease")
            group.create_task(wear(parts.cluster, pod), name="badge")
            parts.metrics.leader.set(1)
            await _Reign(parts, vitals).begin(assemble, group)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await take_off(parts.cluster, pod)
                await leader.release()


class _Reign:
    """What is there only while we lead."""

    def __init__(self, parts: Parts, vitals: Vitals) -> None:
        self._parts = parts
        self._vitals = vitals
        self._intake = Intake(parts.store, parts.queue)
        self._resync = Resync(parts.cluster, parts.store, self._intake, random.random)

    async def begin(self, assemble: Assemble, group: asyncio.TaskGroup) -> None:
        """List, assemble, start. No worker runs before all is listed: it would take what is missing for gone."""
        self._vitals.stage = Stage.LISTING
        await self._resync.fill()
        self._start(await self._assembled(assemble), group)
        self._vitals.stage = Stage.LEADING
        log.info("leading; %d jobs known", len(self._parts.store.keys()))

    async def _assembled(self, assemble: Assemble) -> Assembly:
        for failures in count(1):
            try:
                return await assemble(self._parts)
            except ClusterError as error:
                delay = PATIENCE.delay(failures, random.random())  # noqa: S311 - spreads load
                log.warning("cannot begin yet: %s; again in %.1f s", error, delay)
                await asyncio.sleep(delay)
        raise AssertionError("count() ended")

    def _start(self, assembly: Assembly, group: asyncio.TaskGroup) -> None:
        parts = self._parts
        workers = self._vitals.workers = Workers(parts.queue, assembly.reconcile, parts.metrics, time.monotonic)
        source = KopfSource(parts.cluster.credentials)
        supervisor = Supervisor("the event source", lambda: source.run(self._intake), time.monotonic, random.random)
        self._resync.soon()
        group.create_task(supervisor.run(self._restarted), name="source")
        group.create_task(self._resync.run(parts.settings.resync_seconds), name="resync")
        group.create_task(workers.run(parts.settings.workers), name="workers")
        for service in assembly.services:
            group.create_task(_serve(service), name="service")

    def _restarted(self) -> None:
        self._parts.metrics.watch_restarts.inc()
        self._resync.soon()


async def _serve(service: Service) -> None:
    await service()
    raise RuntimeError("a service of the operator ended by itself")


async def _hold(leader: Leader) -> None:
    try:
        await leader.hold()
    except LeaseLost as lost:
        _vanish(str(lost))


def _vanish(why: str) -> NoReturn:
    """End the process without any clean-up: every moment that we go on is one in which two operators act."""
    log.error("leaving at once: %s", why)
    logging.shutdown()
    os._exit(1)


def _candidate(settings: Settings) -> Candidate:
    """A pod's name tells processes apart; elsewhere two may share a host, and a random number does."""
    identity = settings.pod_name or f"{socket.gethostname()}_{random.getrandbits(32):08x}"
    lease = settings.lease
    return Candidate(Key(settings.namespace, lease.name), identity, lease.seconds, lease.renew_seconds)

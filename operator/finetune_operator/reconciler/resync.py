"""Listings: the first one before any work, and a comparison of keys every few minutes.

A watch that was interrupted never tells what was deleted meanwhile, so what is held is compared with what is there.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import Final

from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError, NotFound
from finetune_operator.cluster.resources import Key, ObjectKey, Resource
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.queue import Backoff, Jitter
from finetune_operator.reconciler.source import LABELS, Intake
from finetune_operator.reconciler.store import Store

log = logging.getLogger(__name__)

FEW: Final = 50
"""So many differing objects are read one by one; more by one listing."""
AFTER_START_SECONDS: Final = 15.0
"""A source has listed by then: a deletion between our listing and its own would be lost for a whole period."""
PATIENCE: Final = Backoff(first=0.5, longest=30)


class RewoundError(Exception):
    """What the API server holds is older than what it held before: it was set back, as to a backup of etcd.

    Nobody's view of it is worth anything then, and watches tell nothing until its versions have caught up: begin anew.
    """


class Resync:
    """Brings the store in line with the cluster."""

    def __init__(self, cluster: Cluster, store: Store, intake: Intake, jitter: Jitter) -> None:
        self._cluster = cluster
        self._store = store
        self._intake = intake
        self._jitter = jitter
        self._soon = asyncio.Event()

    async def fill(self) -> None:
        """List all kinds into the store, as often as it takes."""
        for resource in LABELS:
            await self._fill(resource)

    async def run(self, period: float) -> None:
        """Compare every ``period`` seconds until cancelled, and soon after ``soon`` was called. Raises RewoundError."""
        while True:
            await self._pause(period)
            try:
                for resource in LABELS:
                    await self.compare(resource)
            except RewoundError:
                raise
            except ClusterError as error:
                log.warning("the comparison with the cluster failed and will be repeated: %s", error)
            except Exception:
                log.exception("a defect of the operator: the comparison with the cluster failed and will be repeated")
            else:
                self._intake.revisit(Priority.RESYNC)

    def soon(self) -> None:
        """A watch begins anew: compare shortly, not only after the whole period."""
        self._soon.set()

    async def compare(self, resource: Resource) -> None:
        """Drop what is gone, read what is new or newer. Raises a ClusterError or RewoundError."""
        before = self._store.object_keys(resource)
        there = {found.key: found for found in await self._cluster.list_keys(resource, labels=LABELS[resource])}
        for key, held in before.items():
            if key in there and is_rewound(held, there[key]):
                raise RewoundError(
                    f"{resource.kind} {key} is of version {there[key].version}, and was of {held.version}"
                )
            if key not in there and self._store.head(resource, key) == held:
                self._lost(resource, key)
        now = self._store.object_keys(resource)
        await self._read(resource, [key for key, found in there.items() if now.get(key) != found])

    async def _fill(self, resource: Resource) -> None:
        for failures in count(1):
            try:
                await self._read_all(resource)
            except ClusterError as error:
                delay = PATIENCE.delay(failures, self._jitter())
                hint = "; are the CustomResourceDefinitions installed?" if isinstance(error, NotFound) else ""
                log.warning("cannot list %s: %s%s Again in %.1f s", resource.plural, error, hint, delay)
                await asyncio.sleep(delay)
            else:
                return

    async def _pause(self, period: float) -> None:
        try:
            await asyncio.wait_for(self._soon.wait(), period)
        except TimeoutError:
            return
        await asyncio.sleep(min(AFTER_START_SECONDS, period))
        self._soon.clear()

    async def _read_all(self, resource: Resource) -> None:
        async for page in self._cluster.pages(resource, labels=LABELS[resource]):
            for body in page:
                self._intake.changed(resource, body, Priority.RESYNC)

    def _lost(self, resource: Resource, key: Key) -> None:
        body = self._store.get(resource, key)
        if body is not None:
            log.info("%s %s was deleted unseen", resource.kind, key)
            self._intake.deleted(resource, body, Priority.RESYNC)

    async def _read(self, resource: Resource, keys: list[Key]) -> None:
        if len(keys) > FEW:
            await self._read_all(resource)
            return
        for key in keys:
            try:
                body = await self._cluster.get(resource, key.namespace or None, key.name)
            except NotFound:
                continue
            self._intake.changed(resource, body, Priority.RESYNC)


def is_rewound(held: ObjectKey, listed: ObjectKey) -> bool:
    """Whether an object that was listed after it was held is older: the API server lists what is newest."""
    try:
        return held.uid == listed.uid and int(listed.version) < int(held.version)
    except ValueError:
        return False

"""Which of several operators acts: a Lease, held by renewing it, given back on a clean end.

``kubernetes.aio.leaderelection`` was looked at first and does not serve: it never gives the Lease back, so that every
rollout waits for it to run out; it measures by the wall clock, which steps; it lets a hung request outlast the Lease;
and on loss it cancels the work instead of ending the process. The protocol is the same as client-go's: the Lease is
written with its resourceVersion, and a foreign one counts as abandoned when *we* saw it unchanged for its duration.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import AlreadyExists, ClusterError, Conflict, NotFound
from finetune_operator.cluster.resources import LEASES, Key
from finetune_operator.reconciler.queue import Monotonic

log = logging.getLogger(__name__)

SAFE_SHARE: Final = 0.8
"""Part of the duration after which a holder that could not renew gives up, before anybody may take over."""
LOOKS_PER_RENEWAL: Final = 5


class LeaseLost(Exception):  # noqa: N818
    """We no longer hold the Lease, or cannot be sure of it: whoever acts now may not be us."""


@dataclass(frozen=True)
class Candidate:
    """Who wants which Lease. ``identity`` differs between any two processes that can live at the same time."""

    lease: Key
    identity: str
    seconds: int
    renew_seconds: float


class Leader:
    """One candidate's side of the election."""

    def __init__(self, cluster: Cluster, candidate: Candidate, clock: Monotonic, now: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._candidate = candidate
        self._clock = clock
        self._now = now
        self._held: Json | None = None
        self._renewed_at = 0.0
        self._seen: tuple[object, float] = (None, 0.0)

    async def acquire(self) -> None:
        """Wait until the Lease is ours. Failures of the API server are waited out."""
        patience = self._candidate.renew_seconds / LOOKS_PER_RENEWAL
        while True:
            try:
                if await self._try():
                    log.info("holding the Lease %s as %s", self._candidate.lease, self._candidate.identity)
                    return
            except ClusterError as error:
                log.warning("cannot look at the Lease %s: %s", self._candidate.lease, error)
            await asyncio.sleep(patience)

    async def hold(self) -> None:
        """Renew until cancelled. Raises LeaseLost in time: before another candidate may take over."""
        while True:
            await asyncio.sleep(self._candidate.renew_seconds)
            deadline = self._renewed_at + self._candidate.seconds * SAFE_SHARE
            await self._renew_before(deadline)

    async def release(self) -> None:
        """Give the Lease back, so that a successor need not wait for it to run out. Does nothing if it is not ours."""
        if self._held is None:
            return
        try:
            await self._give_back()
        except ClusterError as error:
            log.warning("cannot give back the Lease %s: %s", self._candidate.lease, error)
        self._held = None

    async def _give_back(self) -> None:
        nobody: Json = {"holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._write(nobody)
        except Conflict:  # a renewal that was cut off when we were told to end may have been written
            lease = await self._read()
            if lease is not None and lease["spec"].get("holderIdentity") == self._candidate.identity:
                self._held = lease
                await self._write(nobody)

    async def _renew_before(self, deadline: float) -> None:
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock())):
                    await self._renew()
                    return
            except TimeoutError:
                raise LeaseLost("the Lease could not be renewed in time") from None
            except ClusterError as error:
                log.warning("cannot renew the Lease %s: %s", self._candidate.lease, error)
            await asyncio.sleep(min(self._candidate.renew_seconds / LOOKS_PER_RENEWAL, 1))

    async def _renew(self) -> None:
        try:
            await self._write(self._ours())
        except (Conflict, NotFound):
            # An earlier renewal whose answer was lost looks like this too.
            lease = await self._read()
            if lease is None or lease["spec"].get("holderIdentity") != self._candidate.identity:
                raise LeaseLost(f"the Lease is held by {_holder(lease)}") from None
            self._held = lease
            await self._write(self._ours())

    async def _try(self) -> bool:
        lease = await self._read()
        if lease is None:
            return await self._create()
        if not self._free(lease):
            return False
        self._held = lease
        transitions = lease.get("spec", {}).get("leaseTransitions") or 0
        try:
            await self._write({**self._ours(), "acquireTime": self._timestamp(), "leaseTransitions": transitions + 1})
        except Conflict:
            self._held = None
            return False
        return True

    def _free(self, lease: Json) -> bool:
        """Nobody's, ours from before a restart, or unchanged under our eyes for as long as it was to last."""
        spec = lease.get("spec", {})
        holder = spec.get("holderIdentity")
        if not holder or holder == self._candidate.identity:
            return True
        version = lease["metadata"]["resourceVersion"]
        if self._seen[0] != version:
            self._seen = (version, self._clock())
            return False
        return self._clock() - self._seen[1] > (spec.get("leaseDurationSeconds") or self._candidate.seconds)

    async def _read(self) -> Json | None:
        try:
            return await self._cluster.get(LEASES, *self._candidate.lease)
        except NotFound:
            return None

    async def _create(self) -> bool:
        key = self._candidate.lease
        spec = {**self._ours(), "acquireTime": self._timestamp(), "leaseTransitions": 0}
        metadata = {"name": key.name, "namespace": key.namespace}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}
        start = self._clock()
        try:
            self._held = await self._cluster.create(LEASES, key.namespace, body)
        except AlreadyExists:
            return False
        self._renewed_at = start
        return True

    async def _write(self, changes: Json) -> None:
        """Replace the Lease as it was last seen, with these parts of its spec changed."""
        if self._held is None:
            raise LeaseLost("the Lease was never held")
        body = {**self._held, "spec": {**self._held.get("spec", {}), **changes}}
        start = self._clock()
        self._held = await self._cluster.replace(LEASES, *self._candidate.lease, body)
        self._renewed_at = start

    def _ours(self) -> Json:
        candidate = self._candidate
        return {
            "holderIdentity": candidate.identity,
            "leaseDurationSeconds": candidate.seconds,
            "renewTime": self._timestamp(),
        }

    def _timestamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _holder(lease: Json | None) -> str:
    return "nobody: it is gone" if lease is None else repr(lease["spec"].get("holderIdentity"))

"""The workers: each takes a key, has it reconciled, and asks for it again when and as often as it is needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from finetune_operator.cluster.errors import ClusterError, Conflict
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.logs import about
from finetune_operator.reconciler.queue import Monotonic, WorkQueue
from finetune_operator.reconciler.task import Task

log = logging.getLogger(__name__)

ROUTINE_SECONDS: Final = 10.0
"""What asks to be looked at again so late waits for something, and waits behind what happens."""

Reconcile = Callable[[Task], Awaitable[float | None]]
"""Does what is to be done for a key, and says in how many seconds it wants to be called again, if at all."""


class Observer(Protocol):
    """Who wants to know how work goes."""

    def reconciled(self, outcome: str, seconds: float) -> None:
        """One call ended. ``outcome`` is ``ok`` or the name of the error's class."""


class Workers:
    """A pool of async workers over one queue. No failure of a key ends a worker."""

    def __init__(self, queue: WorkQueue, reconcile: Reconcile, observer: Observer, clock: Monotonic) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._observer = observer
        self._clock = clock
        self.last_end = clock()
        """When a call last ended, well or badly: a queue that waits while this stands still is stuck."""

    async def run(self, count: int) -> None:
        """Work with ``count`` workers until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(self._work(), name=f"worker-{number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            start = self._clock()
            outcome = "cancelled"
            try:
                with about(key.namespace, key.name, kind=key.kind):
                    outcome = await self._attempt(key)
            finally:
                self._queue.done(key)
                self.last_end = self._clock()
                self._observer.reconciled(outcome, self.last_end - start)
            # A call that had nothing to wait for has given nobody a turn; after thousands the Lease would be lost.
            await asyncio.sleep(0)

    async def _attempt(self, key: Task) -> str:
        try:
            after = await self._reconcile(key)
        except ClusterError as error:
            delay = self._queue.retry(key, at_least=error.retry_after or 0)
            # A conflict is how a stale view shows itself; the next look is a fresh one.
            level = logging.DEBUG if isinstance(error, Conflict) else logging.WARNING
            log.log(level, "%s: %s; again in %.1f s", type(error).__name__, error, delay)
            return type(error).__name__
        except Exception as error:
            delay = self._queue.retry(key)
            log.exception("a defect of the operator; again in %.1f s", delay)
            return type(error).__name__
        self._queue.forget(key)
        if after is not None:
            routine = after >= ROUTINE_SECONDS
            self._queue.add(key, after=after, priority=Priority.RESYNC if routine else Priority.LIVE)
        return "ok"

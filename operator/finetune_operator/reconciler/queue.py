"""The work queue: de-duplicated keys, handed to workers one at a time, with a backoff per key."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from finetune_operator.reconciler.backlog import Backlog, Priority
from finetune_operator.reconciler.task import Task

Monotonic = Callable[[], float]
Jitter = Callable[[], float]
"""A number from 0 to 1, as ``random.random`` gives it."""


@dataclass(frozen=True)
class Backoff:
    """Seconds before a failed key is tried again: doubling from ``first`` to ``longest``, spread by half."""

    first: float = 0.2
    longest: float = 120.0

    def delay(self, failures: int, spread: float) -> float:
        """After the n-th failure in a row, n from 1. ``spread`` from 0 to 1 gives half to the whole of it."""
        whole = min(self.longest, self.first * math.ldexp(1, min(failures - 1, 30)))
        return whole * (0.5 + spread / 2)


class WorkQueue:
    """An async queue of keys. Belongs to one event loop."""

    def __init__(self, clock: Monotonic, jitter: Jitter, backoff: Backoff = Backoff()) -> None:
        self._clock = clock
        self._jitter = jitter
        self._backoff = backoff
        self._backlog = Backlog()
        self._failures: dict[Task, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._worked: set[Task] = set()

    def add(self, key: Task, *, after: float = 0, priority: Priority = Priority.LIVE) -> None:
        """Ask for work on a key, now or in ``after`` seconds. What is there already is not doubled; earlier wins."""
        now = self._clock()
        if after > 0:
            self._backlog.add_later(key, now + after, priority)
            self._set_alarm()
        else:
            self._backlog.add(key, now, priority)
            self._wake()

    async def get(self) -> Task:
        """The next key to work on. Nobody else gets it until ``done`` is called with it."""
        while (key := self._backlog.take(self._clock())) is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # A wake-up that reached a cancelled worker belongs to another one.
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        return key

    def done(self, key: Task) -> None:
        """Work on the key has ended, well or badly."""
        self._backlog.done(key, self._clock())
        self._worked.add(key)
        self._wake()

    def stock(self) -> set[Task]:
        """The keys that were worked on since this was last asked."""
        worked, self._worked = self._worked, set()
        return worked

    def retry(self, key: Task, *, at_least: float = 0, priority: Priority = Priority.RESYNC) -> float:
        """Ask for the key again after its backoff, and not before ``at_least`` seconds. Returns the seconds."""
        self._failures[key] = failures = self._failures.get(key, 0) + 1
        after = max(at_least, self._backoff.delay(failures, self._jitter()))
        self.add(key, after=after, priority=priority)
        return after

    def forget(self, key: Task) -> None:
        """The key went well: its next failure is its first."""
        self._failures.pop(key, None)

    @property
    def depth(self) -> int:
        """Keys that are ready and wait for a worker."""
        self._backlog.ripen(self._clock())
        return len(self._backlog)

    @property
    def working(self) -> int:
        """Keys in work."""
        return self._backlog.working

    @property
    def oldest_age(self) -> float:
        """Seconds for which the longest waiting key has been ready; 0 when none waits."""
        oldest = self._backlog.oldest()
        return 0.0 if oldest is None else max(0.0, self._clock() - oldest)

    def _wake(self) -> None:
        """Wake as many workers as there are keys ready."""
        for _ in range(min(len(self._backlog), len(self._waiters))):
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        due = self._backlog.next_due()
        loop = asyncio.get_running_loop()
        self._alarm = None if due is None else loop.call_later(max(0.0, due - self._clock()), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._backlog.ripen(self._clock())
        self._wake()
        self._set_alarm()

"""Which key is worked on next: the order of the work queue, apart from waiting and time."""

from __future__ import annotations

import heapq
from collections import deque
from enum import IntEnum
from itertools import count
from typing import Final

from finetune_operator.reconciler.task import Task


class Priority(IntEnum):
    """What somebody waits for comes first; what merely makes sure comes when there is time, and at every eighth turn."""

    LIVE = 0
    RESYNC = 1


TURNS: Final = 8
"""Of so many, one is for what waits at the end: under a load without end it would never come."""


class Backlog:
    """Keys that are ready, keys that are due later, and keys in work. Each key is in each at most once.

    A key in work is never handed out; adding it meanwhile marks it, and ``done`` makes it ready again.
    ``now`` is seconds on a clock that never steps.
    """

    def __init__(self) -> None:
        self._ready: dict[Task, tuple[Priority, float]] = {}
        self._order: dict[Priority, deque[Task]] = {priority: deque() for priority in Priority}
        self._turn = 0
        self._due: dict[Task, tuple[float, Priority]] = {}
        self._calendar: list[tuple[float, int, Task]] = []
        self._working: set[Task] = set()
        self._dirty: dict[Task, tuple[Priority, float]] = {}
        self._serial = count()

    def __len__(self) -> int:
        """How many keys are ready and wait for a worker."""
        return len(self._ready)

    @property
    def working(self) -> int:
        """How many keys are in work."""
        return len(self._working)

    def add(self, key: Task, now: float, priority: Priority) -> None:
        """Make a key ready, or mark it if it is in work."""
        place = self._dirty if key in self._working else self._ready
        held = place.get(key)
        if held is not None and held[0] <= priority:
            return
        place[key] = (priority, now if held is None else held[1])
        if place is self._ready:
            self._order[priority].append(key)

    def add_later(self, key: Task, due: float, priority: Priority) -> None:
        """Make a key ready at ``due``, unless it will be earlier anyway."""
        held = self._due.get(key)
        if held is not None and held[0] <= due:
            return
        self._due[key] = (due, priority)
        heapq.heappush(self._calendar, (due, next(self._serial), key))

    def take(self, now: float) -> Task | None:
        """The next key to work on, or None when none is ready. Call ``done`` with it afterwards."""
        self.ripen(now)
        self._turn += 1
        for priority in sorted(Priority, reverse=self._turn % TURNS == 0):
            if (key := self._first(priority)) is not None:
                del self._ready[key]
                self._working.add(key)
                return key
        return None

    def done(self, key: Task, now: float) -> None:
        """Work on the key has ended; it is ready again if it was added meanwhile."""
        self._working.discard(key)
        if (marked := self._dirty.pop(key, None)) is not None:
            self.add(key, now, marked[0])

    def ripen(self, now: float) -> None:
        """Make ready what is due."""
        while self._calendar and self._calendar[0][0] <= now:
            due, _, key = heapq.heappop(self._calendar)
            held = self._due.get(key)
            if held is not None and held[0] == due:
                del self._due[key]
                self.add(key, now, held[1])

    def next_due(self) -> float | None:
        """When the next key becomes ready by itself."""
        while self._calendar and self._due.get(self._calendar[0][2], (None,))[0] != self._calendar[0][0]:
            heapq.heappop(self._calendar)
        return self._calendar[0][0] if self._calendar else None

    def _first(self, priority: Priority) -> Task | None:
        order = self._order[priority]
        while order:
            key = order.popleft()
            held = self._ready.get(key)
            # An entry of a lower priority stays behind when a key moves up.
            if held is not None and held[0] == priority:
                return key
        return None

    def oldest(self) -> float | None:
        """Since when the longest waiting key has been ready."""
        return min((since for _, since in self._ready.values()), default=None)

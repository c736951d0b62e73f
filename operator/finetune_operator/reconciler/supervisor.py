"""Keeps something that should run for ever running: whatever ends it, it is started again, ever more patiently."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from finetune_operator.reconciler.queue import Backoff, Jitter, Monotonic

log = logging.getLogger(__name__)

PATIENCE: Final = Backoff(first=0.5, longest=30)
HEALTHY_SECONDS: Final = 60.0
"""A run this long was a good one: the next failure is a first one."""


class Supervisor:
    """Runs ``run`` and starts it again after any end that was not our cancellation."""

    def __init__(
        self,
        name: str,
        run: Callable[[], Awaitable[None]],
        clock: Monotonic,
        jitter: Jitter,
        backoff: Backoff = PATIENCE,
    ) -> None:
        self._name = name
        self._run = run
        self._clock = clock
        self._jitter = jitter
        self._backoff = backoff
        self.restarts = 0

    async def run(self, on_restart: Callable[[], None]) -> None:
        """Until cancelled. ``on_restart`` is called before each new start."""
        failures = 0
        while True:
            start = self._clock()
            reason = await self._once()
            failures = 1 if self._clock() - start > HEALTHY_SECONDS else failures + 1
            delay = self._backoff.delay(failures, self._jitter())
            log.warning("%s ended: %s; starting it again in %.1f s", self._name, reason, delay)
            await asyncio.sleep(delay)
            self.restarts += 1
            on_restart()

    async def _once(self) -> str:
        try:
            await self._run()
        except Exception as error:
            log.debug("why %s ended", self._name, exc_info=True)
            return f"{type(error).__name__}: {error}"
        return "it returned"

"""A token bucket, so that a storm in the queue never becomes a storm at the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Monotonic = Callable[[], float]
"""Seconds on a clock that never steps."""


class TokenBucket:
    """At most ``burst`` at once and ``rate`` per second in the long run; who comes first is served first."""

    def __init__(self, rate: float, burst: int, clock: Monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._seen = clock()

    def reserve(self) -> float:
        """Take a token and say in how many seconds it is there; 0 when it is there now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)

    async def take(self) -> None:
        """Take a token and wait until it is there."""
        if delay := self.reserve():
            await asyncio.sleep(delay)

"""How often each of many may come: one token bucket per name, the names bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_NAMES: Final = 20_000


@dataclass(frozen=True)
class _Level:
    tokens: float
    seen: float


class Quota:
    """``burst`` at once and ``rate`` per second in the long run, for each name. ``clock`` is in seconds, monotonic."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float], most_names: int = MOST_NAMES) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._most_names = most_names
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one and return 0, or take nothing and return the seconds until there is one."""
        now = self._clock()
        level = self._levels.pop(name, _Level(self._burst, now))
        tokens = min(self._burst, level.tokens + (now - level.seen) * self._rate)
        granted = tokens >= 1
        self._levels[name] = _Level(tokens - 1 if granted else tokens, now)
        if len(self._levels) > self._most_names:
            # Whoever was quiet for longest has a full bucket anyway.
            self._levels.popitem(last=False)
        return 0.0 if granted else (1 - tokens) / self._rate

"""How many times as long ours takes: a median of ratios over pairs, with the interval that chance leaves it. Pure."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RESAMPLES: Final = 10_000
CONFIDENCE: Final = 0.95
FEWEST_PAIRS: Final = 5
"""Fewer say nothing: single runs of the same program differ by more than what is looked for."""


@dataclass(frozen=True)
class Pair:
    """Two runs that were made one after the other, in seconds."""

    ours: float
    plain: float

    @property
    def ratio(self) -> float:
        """Above 1: ours takes longer."""
        return self.ours / self.plain


@dataclass(frozen=True)
class Ratio:
    """The median of the pairs' ratios; with 95 % confidence it lies from `low` to `high`."""

    median: float
    low: float
    high: float
    pairs: int

    def shown(self) -> str:
        """As people read it."""
        return f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f}, {self.pairs} pairs)"


@dataclass(frozen=True)
class Aim:
    """What a ratio should be, and how high its interval may begin before that is a failure; None: none is."""

    ratio: float
    fails_above: float | None = None


STEP: Final = Aim(1.02, fails_above=1.05)
FIRST_STEP: Final = Aim(1.10)


def ratio_of(pairs: Sequence[Pair], seed: int) -> Ratio:
    """The median ratio with its bootstrap interval (percentiles). ValueError for fewer than five pairs."""
    if len(pairs) < FEWEST_PAIRS:
        raise ValueError(f"{len(pairs)} pairs are too few: at least {FEWEST_PAIRS} are needed")
    ratios = [pair.ratio for pair in pairs]
    chance = random.Random(seed)  # noqa: S311 - a bootstrap, no secret
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    outside = (1 - CONFIDENCE) / 2
    low, high = medians[round(outside * (RESAMPLES - 1))], medians[round((1 - outside) * (RESAMPLES - 1))]
    return Ratio(statistics.median(ratios), low, high, len(ratios))


def judged(ratio: Ratio, aim: Aim) -> str:
    """`met`, `missed`, `failed`, or `open` when the interval has the aim within."""
    if aim.fails_above is not None and ratio.low > aim.fails_above:
        return "failed"
    if ratio.high <= aim.ratio:
        return "met"
    return "missed" if ratio.low > aim.ratio else "open"

"""How the metrics of a run went, step by step, in a size that never grows: at most 200 points of each metric."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

MOST_POINTS: Final = 200
MOST_SERIES: Final = 64
SIGNIFICANT_DIGITS: Final = 6
SERIES_BYTES: Final = 350
POINT_BYTES: Final = 16
"""What a series without points, and each point of it, take of memory: measured, and rounded."""
MEASURED_NOW_AND_THEN: Final = "eval"
"""Metrics of an evaluation are repeated in each report until the next one; a point belongs where the value changed."""


@dataclass(slots=True)
class Series:
    """One metric: steps in rising order and a value for each. Arrays, because an operator holds thousands."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, step: int, value: float, most: int) -> None:
        """With one more point; a plateau keeps its two ends."""
        if self.steps and step == self.steps[-1]:
            self.values[-1] = value
            return
        if len(self.values) > 1 and value == self.values[-1] == self.values[-2]:
            self.steps[-1] = step
            return
        self.steps.append(step)
        self.values.append(value)
        if len(self.steps) > most:
            self._drop_densest()

    def cut(self, step: int) -> None:
        """Without the points of this step and of later ones."""
        kept = sum(each < step for each in self.steps)
        del self.steps[kept:], self.values[kept:]

    def _drop_densest(self) -> None:
        """Drop the inner point whose neighbours are closest: first and last stay, and what is left is spread evenly."""
        place = min(range(1, len(self.steps) - 1), key=lambda i: self.steps[i + 1] - self.steps[i - 1])
        del self.steps[place], self.values[place]


class Curve:
    """Series by the name of their metric. ``most`` points of each are kept; names beyond the 64th are not taken.

    A step that is lower than the last one says that training went on from an earlier checkpoint: what came after that is
    trained again, and its points go.
    """

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = max(3, most)
        self._series: dict[str, Series] = {}

    @classmethod
    def parse(cls, text: str) -> Self:
        """What ``document`` wrote; an empty curve for anything else, since somebody may have edited it."""
        curve = cls()
        try:
            found = [(name, each["steps"], each["values"]) for name, each in json.loads(text)["metrics"].items()]
            for name, steps, values in found:
                for step, value in zip(steps, values, strict=True):
                    curve.add(int(step), {name: float(value)}, going_back=False)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return cls()
        return curve

    def __bool__(self) -> bool:
        """Whether there is any point."""
        return bool(self._series)

    def __iter__(self) -> Iterator[tuple[str, Series]]:
        """Name and points of each metric."""
        return iter(self._series.items())

    @property
    def last_step(self) -> int:
        """The highest step of all points; 0 without any."""
        return max((series.steps[-1] for series in self._series.values() if series.steps), default=0)

    @property
    def size(self) -> int:
        """Bytes of memory that it takes, roughly."""
        return sum(SERIES_BYTES + POINT_BYTES * len(series.steps) for series in self._series.values())

    def add(self, step: int, metrics: Mapping[str, float], *, going_back: bool = True) -> None:
        """Take the values of one step. Step 0 is none: who reports it does not know where the training is."""
        if step <= 0:
            return
        if going_back and step < self.last_step:
            self.cut(step)
        for name, value in metrics.items():
            self._add(name, step, value)

    def cut(self, step: int) -> None:
        """Drop the points of this step and of later ones."""
        for series in self._series.values():
            series.cut(step)
        self._series = {name: series for name, series in self._series.items() if series.steps}

    def extended(self, later: Curve) -> Self:
        """Take the points of a later part; returns itself."""
        first = min((series.steps[0] for _, series in later), default=None)
        if first is not None and first < self.last_step:
            self.cut(first)
        for name, series in later:
            for step, value in zip(series.steps, series.values, strict=True):
                self._add(name, step, value)
        return self

    def document(self) -> str:
        """As JSON: ``{"metrics": {"loss": {"steps": [...], "values": [...]}}}``."""
        metrics = {name: {"steps": list(s.steps), "values": list(s.values)} for name, s in self._series.items()}
        return json.dumps({"metrics": metrics}, separators=(",", ":"))

    def _add(self, name: str, step: int, value: float) -> None:
        if not math.isfinite(value):
            return
        rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
        series = self._series.get(name)
        if series is None:
            if len(self._series) >= MOST_SERIES:
                return
            series = self._series[name] = Series()
        unchanged = bool(series.values) and series.values[-1] == rounded
        if not (unchanged and name.startswith(MEASURED_NOW_AND_THEN)):
            series.add(step, rounded, self._most)

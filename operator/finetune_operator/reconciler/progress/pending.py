"""What was reported and is not written into a job's ConfigMaps yet: bounded for each job and for all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from finetune_operator.cluster.resources import Key
from finetune_operator.planning.curve import Curve
from finetune_operator.planning.logbook import last, news

MOST_POINTS: Final = 16
"""Of each metric, between two writes. Reports come every five seconds, and writes may be a minute apart."""
MOST_LINES: Final = 200
MOST_BYTES: Final = 32 * 1024
MOST_BYTES_OF_ALL: Final = 32 * 1024 * 1024
"""Of log lines over all jobs, and as much of curves. Beyond it a job's older lines make room for its newer ones, and
curves get no points until others are written."""


def no_points() -> Curve:
    """The curve of a part, with nothing in it yet."""
    return Curve(MOST_POINTS)


@dataclass(frozen=True)
class Part:
    """New points and lines of one run of the job with this uid."""

    uid: str
    run: int
    curve: Curve = field(default_factory=no_points)
    lines: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.curve or self.lines)

    def joined(self, later: Part) -> Part:
        """With what came after it. Of another run or another job, the later one alone is of use."""
        if (later.uid, later.run) != (self.uid, self.run):
            return later
        lines = (*self.lines, *news(self.lines, later.lines))
        return replace(self, curve=self.curve.extended(later.curve), lines=lines)


@dataclass(frozen=True, slots=True)
class Told:
    """What one report adds, or the end of a run, whose points are always taken."""

    uid: str
    run: int
    step: int
    metrics: Mapping[str, float]
    lines: tuple[str, ...] = ()
    is_end: bool = False


class _Room:
    """Who holds how many bytes of those that there may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Key, int] = {}
        self._taken = 0

    @property
    def left(self) -> int:
        return max(0, self._most - self._taken)

    def hold(self, key: Key, size: int) -> None:
        """Of this key there are so many bytes now."""
        self._taken += size - self._held.pop(key, 0)
        if size:
            self._held[key] = size


class Pending:
    """Parts by the key of their job. ``dropped`` counts lines for which there was no room."""

    def __init__(self, most_bytes: int = MOST_BYTES_OF_ALL) -> None:
        self._parts: dict[Key, Part] = {}
        self._lines = _Room(most_bytes)
        self._curves = _Room(most_bytes)
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._parts)

    def note(self, key: Key, told: Told) -> bool:
        """Take what was told. Whether this is the first since the last ``take``."""
        part = self._parts.get(key)
        if part is None or (part.uid, part.run) != (told.uid, told.run):
            part = Part(told.uid, told.run)
        # Where there is no room a curve goes back all the same, if the training did.
        part.curve.add(told.step, told.metrics if told.is_end or self._curves.left else {})
        if told.lines:
            part = replace(part, lines=(*part.lines, *news(part.lines, told.lines)))
        elif part is self._parts.get(key):
            self._curves.hold(key, part.curve.size)
            return False  # most reports have no lines, and a curve is joined where it lies
        first = key not in self._parts
        self._put(key, part)
        return first and key in self._parts

    def put_back(self, key: Key, part: Part) -> None:
        """It could not be written: put it before what has come since."""
        later = self._parts.get(key)
        self._put(key, part.joined(later) if later else part)

    def take(self, key: Key) -> Part | None:
        """Take out what there is."""
        self._lines.hold(key, 0)
        self._curves.hold(key, 0)
        return self._parts.pop(key, None)

    def _put(self, key: Key, part: Part) -> None:
        self.take(key)
        kept = last(part.lines, MOST_LINES, min(MOST_BYTES, self._lines.left))
        self.dropped += len(part.lines) - len(kept)
        part = replace(part, lines=tuple(kept))
        if part:
            self._parts[key] = part
            self._lines.hold(key, sum(len(line.encode()) for line in kept))
            self._curves.hold(key, part.curve.size)

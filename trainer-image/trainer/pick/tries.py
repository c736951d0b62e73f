"""Tries from fixed seeds: twenty tables side by side, one pilot, and how many blocks lie in the zone at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trainer.pick.dice import dice
from trainer.pick.table import STEPS, Action, Table, done, laid, moved

if TYPE_CHECKING:
    from collections.abc import Sequence


class AtTheControls(Protocol):
    """What tells several tables that are at the same step what to do."""

    def reset(self) -> None:
        """A new try begins."""

    def actions(self, tables: Sequence[Table]) -> list[Action]:
        """One action for each table."""


@dataclass(frozen=True, slots=True)
class Try:
    """One roll-out: its seed, and the table before each step and after the last."""

    seed: int
    tables: tuple[Table, ...]

    @property
    def succeeded(self) -> bool:
        """Whether the block lies in the zone at the end, let go of."""
        return done(self.tables[-1])


def roll_out(pilot: AtTheControls, seeds: Sequence[int], steps: int = STEPS) -> tuple[Try, ...]:
    """A try from each seed. No seed gives a table of a demonstration."""
    randoms = [dice("try", seed) for seed in seeds]
    tables = [laid(random) for random in randoms]
    seen = [[table] for table in tables]
    pilot.reset()
    for _ in range(steps):
        told = pilot.actions(tables)
        tables = [moved(*each) for each in zip(tables, told, randoms, strict=True)]
        for table, before in zip(tables, seen, strict=True):
            before.append(table)
    return tuple(Try(seed, tuple(each)) for seed, each in zip(seeds, seen, strict=True))

"""Which rows of the training data are set aside for validation."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def set_aside(fraction: float, seed: int) -> Iterator[bool]:
    """For each row in turn, without end, whether it is set aside; the same for the same seed.

    One row of every 1 / `fraction`, drawn among them: so the share holds at any length, whatever order the rows have.
    """
    chance = random.Random(seed)  # noqa: S311 - a draw of rows, no secret
    row = 0
    drawn = 0
    while True:
        picked = max(row, int((drawn + chance.random()) / fraction))
        for _ in range(picked - row):
            yield False
        yield True
        row, drawn = picked + 1, drawn + 1

"""How many sequences rows are packed into, from their lengths alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def packed_sequences(rows: Mapping[int, int], longest: int) -> int:
    """Sequences of at most `longest` tokens that best-fit-decreasing packing makes, the one that trains.

    `rows` maps a length in tokens to the number of rows that have it; none is longer than `longest`.
    """
    gaps: Counter[int] = Counter()
    open_gaps = 0  # bit n is set when some sequence has room for exactly n tokens: finds the best fit in one operation
    sequences = 0
    for length in sorted(rows, reverse=True):
        for _ in range(rows[length]):
            fitting = open_gaps >> length
            if fitting:
                gap = length + (fitting & -fitting).bit_length() - 1
                gaps[gap] -= 1
                open_gaps ^= 0 if gaps[gap] else 1 << gap
            else:
                gap = longest
                sequences += 1
            if left := gap - length:
                gaps[left] += 1
                open_gaps |= 1 << left
    return sequences

"""Kubernetes quantities as numbers: ``500m`` is half of one, ``80Gi`` is 80 times 2³⁰."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

MULTIPLES: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{f"{prefix}": Decimal(1000) ** power for power, prefix in enumerate("KMGTPE", 1)},
    **{f"{prefix}i": Decimal(1024) ** power for power, prefix in enumerate("KMGTPE", 1)},
}
"""What a suffix of a quantity multiplies by."""


@lru_cache(maxsize=1024)
def number(quantity: str) -> Decimal:
    """The number that a quantity stands for. ValueError for what the schema would have refused."""
    figures = quantity.rstrip("mkKMGTPEi")
    suffix = quantity[len(figures) :]
    if suffix not in MULTIPLES or not figures.replace(".", "", 1).isdigit():
        raise ValueError(
            f"'{quantity}' is no quantity: give a number with or without a suffix, such as 500m, 2 or 80Gi"
        )
    return Decimal(figures) * MULTIPLES[suffix]


def byte_count(quantity: str) -> int:
    """Bytes of a quantity, a fraction of one rounded down."""
    return int(number(quantity))


def cores(quantity: str) -> float:
    """CPU cores of a quantity: ``500m`` is half a core; a suffix that makes no sense for cores is read all the same."""
    return float(number(quantity))

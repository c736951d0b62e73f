"""Figures from many observations."""

from __future__ import annotations

import math
from collections.abc import Iterable

from finetune_operator.api.model import Json


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed (nearest rank). Raises ValueError for none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(name: str, values: Iterable[float]) -> Json:
    """``NAME_p50_seconds`` and ``NAME_p99_seconds``, to the millisecond."""
    held = list(values)
    return {f"{name}_p{share}_seconds": round(percentile(held, share / 100), 3) for share in (50, 99)} if held else {}

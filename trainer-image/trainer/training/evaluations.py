"""What the evaluations so far say: whether the newest is one of the best, and whether it is time to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def losses_by_step(history: Sequence[Mapping[str, object]]) -> dict[int, float]:
    """The loss of each evaluation in transformers' history of logs, oldest first."""
    return {
        int(step): float(loss)
        for entry in history
        if isinstance(loss := entry.get("eval_loss"), int | float) and isinstance(step := entry.get("step"), int)
    }


def is_among_best(losses: Sequence[float], places: int) -> bool:
    """Whether fewer than `places` of the earlier losses are as low as the newest."""
    return bool(losses) and sum(loss <= losses[-1] for loss in losses[:-1]) < places


def is_out_of_patience(losses: Sequence[float], patience: int | None) -> bool:
    """Whether the last `patience` losses were all no lower than the lowest before them."""
    if patience is None or len(losses) <= patience:
        return False
    return min(losses[-patience:]) >= min(losses[:-patience])

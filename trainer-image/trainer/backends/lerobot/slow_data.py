"""Whether a training waits for its data more than it computes, and what helps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.arguments import MOST_WORKERS, workers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.run import Run

WINDOW: Final = 20
"""Logged steps that are looked at together: one alone may wait for what the next ones find ready."""
MOST: Final = 0.5
"""Part of their seconds that may go by in waiting for data."""


def waiting_for_data(spent: Sequence[tuple[float, float]]) -> float | None:
    """The part of the time that the last `WINDOW` logged steps waited for data; None: too few steps, or little enough.

    `spent` are the seconds that each waited, and all of its seconds.
    """
    window = spent[-WINDOW:]
    waited, whole = (sum(seconds) for seconds in zip(*window, strict=True)) if window else (0.0, 0.0)
    if len(window) < WINDOW or waited <= MOST * whole:
        return None
    return waited / whole


def slow_data_warning(run: Run, share: float) -> str:
    """What to do about a training that waits for its data for so large a part of its time."""
    workers = workers_of(run)
    faster = [
        *([f"an instance type with more CPUs ({_fetching(workers)})"] if 0 < workers < MOST_WORKERS else []),
        "smaller pictures",
        "images instead of videos, if the dataset has videos",
    ]
    return (
        f"{share:.0%} of the time of the last {WINDOW} logged steps went by in waiting for data, not in training; what helps:"
        f" {', '.join(faster)}"
    )


def _fetching(workers: int) -> str:
    processes = "process fetches" if workers == 1 else "processes fetch"
    return f"{workers} {processes} data for each GPU now, and up to {MOST_WORKERS} can"

"""The ledger: training seconds over all attempts of a run, kept beside the checkpoints and not in them.

Work that a kill lost is charged too; otherwise a job that is killed often would never end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.workspace.jsonfile import number_at, read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ledger:
    """Seconds that run `run` used, those of them that were wasted, and the budget in force; 0 means not known."""

    run: int = 0
    training_seconds: float = 0.0
    wasted_seconds: float = 0.0
    budget_seconds: float = 0.0


def read_ledger(path: Path, run: int) -> Ledger:
    """The ledger of a run; nothing used when there is none, or only that of another run."""
    document = read_json(path)
    if int(number_at(document, "run")) != run:
        return Ledger(run)
    return Ledger(
        run=run,
        training_seconds=max(0.0, number_at(document, "trainingSeconds")),
        wasted_seconds=max(0.0, number_at(document, "wastedSeconds")),
        budget_seconds=max(0.0, number_at(document, "budgetSeconds")),
    )


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Replace the ledger at `path` in one step."""
    seconds = {
        "trainingSeconds": ledger.training_seconds,
        "wastedSeconds": ledger.wasted_seconds,
        "budgetSeconds": ledger.budget_seconds,
    }
    write_json(path, {"run": ledger.run, **{name: round(number, 3) for name, number in seconds.items()}})

"""The ledger: training seconds over all attempts, kept beside the checkpoints and not in them.

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
    """Seconds used and, when the trainer wrote it, the budget in force; 0 means not known."""

    training_seconds: float = 0.0
    budget_seconds: float = 0.0


def read_ledger(path: Path) -> Ledger:
    """The ledger at `path`; nothing used when there is none."""
    document = read_json(path)
    return Ledger(
        training_seconds=max(0.0, number_at(document, "trainingSeconds")),
        budget_seconds=max(0.0, number_at(document, "budgetSeconds")),
    )


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Replace the ledger at `path` in one step."""
    write_json(
        path,
        {"trainingSeconds": round(ledger.training_seconds, 3), "budgetSeconds": round(ledger.budget_seconds, 3)},
    )

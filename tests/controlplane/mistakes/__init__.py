"""Every mistake that the API server answers, by what it is about; ``ANSWERED`` has them all."""

from __future__ import annotations

from typing import Final

from tests.controlplane.mistakes.catalog import CATALOG
from tests.controlplane.mistakes.datasets import DATASETS
from tests.controlplane.mistakes.edits import EDITS
from tests.controlplane.mistakes.hyperparameters import HYPERPARAMETERS
from tests.controlplane.mistakes.mistake import Mistakes
from tests.controlplane.mistakes.model import MODEL
from tests.controlplane.mistakes.output import OUTPUT, TRACKERS
from tests.controlplane.mistakes.pods import PODS
from tests.controlplane.mistakes.robots import ROBOTS
from tests.controlplane.mistakes.runs import RUNS
from tests.controlplane.mistakes.typos import TYPOS

GROUPS: Final[dict[str, Mistakes]] = {
    "model": MODEL,
    "datasets": DATASETS,
    "hyperparameters": HYPERPARAMETERS,
    "robots": ROBOTS,
    "runs": RUNS,
    "output": OUTPUT,
    "trackers": TRACKERS,
    "pods": PODS,
    "catalog": CATALOG,
    "typos": TYPOS,
}
"""Of one manifest. What only the operator can answer stands in a group of its own, tried with an operator."""

ANSWERED: Final[Mistakes] = {
    f"{group}: {name}": each for group, table in GROUPS.items() for name, each in table.items()
}
EDITED: Final[Mistakes] = {f"edits: {name}": each for name, each in EDITS.items()}

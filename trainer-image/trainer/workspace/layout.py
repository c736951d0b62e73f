"""Where everything lies under the workspace, as CONTRACT.md promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.contract.run import Stage


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of one workspace; creates nothing."""

    root: Path

    @property
    def checkpoints(self) -> Path:
        """Folder of `attempt-<n>/checkpoint-<step>/`."""
        return self.root / "checkpoints"

    def attempt_checkpoints(self, attempt: int) -> Path:
        """Folder of one attempt's checkpoints: only that attempt writes there."""
        return self.checkpoints / f"attempt-{attempt}"

    @property
    def fence(self) -> Path:
        """Which attempt may write."""
        return self.root / "fence.json"

    @property
    def ledger(self) -> Path:
        """Training seconds over all attempts."""
        return self.root / "ledger.json"

    @property
    def metrics(self) -> Path:
        """One line per logged step."""
        return self.root / "metrics.jsonl"

    @property
    def model(self) -> Path:
        """The finished model; there only when whole."""
        return self.root / "model"

    @property
    def finished(self) -> Path:
        """The verdict that goes with `model`, written just before it."""
        return self.root / "finished.json"

    def staging(self, attempt: int) -> Path:
        """Where an attempt puts its model together before the rename."""
        return self.root / f".model-of-attempt-{attempt}"

    def verdict(self, stage: Stage | str, attempt: int) -> Path:
        """How one stage of one attempt ended."""
        return self.root / "attempts" / f"{stage}-{attempt}" / "verdict.json"

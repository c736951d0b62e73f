"""Where everything lies under the workspace, as CONTRACT.md promises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trainer.contract.run import Stage

_MODEL: Final = re.compile(r"model(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something finished goes: its folder, and the record of its verdict beside it."""

    folder: Path
    record: Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of one workspace as run `number` of a job uses it; creates nothing."""

    root: Path
    number: int = 0

    @property
    def checkpoints(self) -> Path:
        """Folder of `attempt-<n>/checkpoint-<step>/`."""
        return self.root / "checkpoints"

    def attempt_checkpoints(self, attempt: int) -> Path:
        """Folder of one attempt's checkpoints: only that attempt writes there."""
        return self.checkpoints / f"attempt-{attempt}"

    @property
    def fence(self) -> Path:
        """Which attempt may train."""
        return self.root / "fence.json"

    @property
    def publish_fence(self) -> Path:
        """Which attempt may publish."""
        return self.root / "fence-publish.json"

    @property
    def ledger(self) -> Path:
        """Training seconds over all attempts of the newest run."""
        return self.root / "ledger.json"

    @property
    def metrics(self) -> Path:
        """One line per logged step."""
        return self.root / "metrics.jsonl"

    @property
    def model(self) -> Path:
        """The run's finished model; there only when whole."""
        return self.model_place.folder

    @property
    def model_place(self) -> Place:
        """Where the run's model goes."""
        return self._place("model", "finished")

    @property
    def adapter_place(self) -> Place:
        """Where the adapter of a run goes whose model is merged from it."""
        return self._place("adapter", "finished-adapter")

    def newest_model(self) -> Path | None:
        """The finished model of the newest run that has one."""
        found = {int(name.group(1) or 0): each for each in self._entries() if (name := _MODEL.fullmatch(each.name))}
        return found[max(found)] if found else None

    def staging(self, stage: Stage, attempt: int) -> Path:
        """Where an attempt puts its model together before the rename."""
        return self.root / f".model-of-{stage}-{attempt}"

    def all_staging(self) -> list[Path]:
        """What any attempt of any run has left of such folders."""
        return list(self.root.glob(".model-of-*"))

    def verdict(self, stage: Stage | str, attempt: int) -> Path:
        """How one stage of one attempt ended."""
        return self.root / "attempts" / f"{stage}-{attempt}" / "verdict.json"

    def _place(self, folder: str, record: str) -> Place:
        of_run = f"-{self.number}" if self.number else ""
        return Place(self.root / f"{folder}{of_run}", self.root / f"{record}{of_run}.json")

    def _entries(self) -> list[Path]:
        return [each for each in self.root.iterdir() if each.is_dir()] if self.root.is_dir() else []

"""What the phases before a policy leave in the workspace, and whether it counts: each is made once, and found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.workspace.jsonfile import number_at, read_json, write_json
from trainer.workspace.marker import Mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace

PROGRESS: Final = "progress.parquet"


@dataclass(frozen=True, slots=True)
class Made:
    """Something that a phase makes: `path`, and the `record` beside it, which is written last and says of what it was made."""

    path: Path
    record: Path

    def is_there(self, run: Run, made_of: Mapping[str, object]) -> bool:
        """Whether it is complete, was made of the same, and by an attempt that counts."""
        told = read_json(self.record)
        same = told.get("madeOf") == dict(made_of)
        return self.path.exists() and same and int(number_at(told, "attempt")) >= run.resume_from

    def read(self) -> Mapping[str, object]:
        """The record, read without trust."""
        return read_json(self.record)

    def is_made(self, run: Run, course: Course, made_of: Mapping[str, object], more: Mapping[str, object]) -> None:
        """It is on the disk: from now on it counts, and so do the seconds that it took."""
        now = course.progress
        seconds = {"trainingSeconds": round(now.training_seconds, 3), "wastedSeconds": round(now.wasted_seconds, 3)}
        write_json(self.record, {"attempt": run.attempt, "run": run.number, **seconds, "madeOf": dict(made_of), **more})

    @property
    def mark(self) -> Mark | None:
        """The seconds that were used when it was made, as a checkpoint tells them; None: it is not made."""
        told = self.read()
        if not told:
            return None
        used, wasted = number_at(told, "trainingSeconds"), number_at(told, "wastedSeconds")
        return Mark("", run=int(number_at(told, "run")), training_seconds=used, wasted_seconds=wasted)


@dataclass(frozen=True, slots=True)
class RewardPlaces:
    """`reward/` of a workspace."""

    root: Path

    @classmethod
    def of(cls, workspace: Workspace) -> RewardPlaces:
        """Those of a job."""
        return cls(workspace.root / "reward")

    @property
    def checkpoints(self) -> Path:
        """Of the reward model's training, apart from the policy's."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Made:
        """The reward model that weights this job's policy."""
        return Made(self.root / "model", self.root / "model.json")

    @property
    def progress(self) -> Made:
        """The progress of the dataset."""
        return Made(self.root / PROGRESS, self.root / "progress.json")

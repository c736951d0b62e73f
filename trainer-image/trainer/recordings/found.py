"""What the preflight of recordings found, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.contract.report import Report
    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.pictures import PicturesSeen
    from trainer.recordings.policies import Policy
    from trainer.recordings.recording import Recording
    from trainer.recordings.rows import RowsSeen
    from trainer.recordings.selection import Selection


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found. Recordings are those of each split in the job's order; `policy` and `cameras` are None in stage inspect.

    `rows` and `pictures` tell, by dataset in that order, what of it was looked at.
    """

    train: tuple[Recording, ...]
    validation: tuple[Recording, ...]
    policy: Policy | None
    cameras: CameraPlan | None
    selection: Selection
    rows: tuple[RowsSeen, ...]
    pictures: tuple[PicturesSeen, ...]
    report: Report
    warnings: tuple[str, ...]

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """All of them: first those to train on."""
        return (*self.train, *self.validation)

"""What must be done to recordings before they are one dataset that a policy can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.recordings.recording import V21
from trainer.recordings.statistics import cameras_without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.recordings.recording import Recording


@dataclass(frozen=True, slots=True)
class Work:
    """`features` are keys to be renamed, by their names in the dataset; `quantiles` says whether those must be computed."""

    recordings: tuple[Recording, ...]
    features: Mapping[str, str]
    quantiles: bool

    @property
    def is_none(self) -> bool:
        """Whether the mounted folder will do."""
        converts = any(each.version == V21 for each in self.recordings)
        changes = converts or self.features or self.quantiles or self.unmeasured
        return len(self.recordings) == 1 and not changes

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Cameras whose statistics are put in, since nobody looks at them but LeRobot wants some."""
        return tuple(sorted({key for each in self.recordings for key in cameras_without(each)}))

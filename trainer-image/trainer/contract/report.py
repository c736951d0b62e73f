"""The report: what the stages prepare and inspect found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainer.contract.shortening import shorten

MOST_WARNINGS: Final = 8
MOST_FAULTS: Final = 8
MOST_IMAGE_KEYS: Final = 16
LONGEST_WARNING: Final = 512
LONGEST_FAULT: Final = 256
LONGEST_PLACE: Final = 253


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is wrong: `file` as the user knows it, `line` from 1."""

    file: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in model and data. `parameters` is 0 when the model does not tell; `sequences` are what a batch is made of.

    Of robots, rows are episodes and sequences frames, both of the training data; `fps` are frames per second, `image_keys`
    the dataset's cameras, `state_dim` and `action_dim` numbers. `episodes` is 0 for all else.
    """

    rows: int = 0
    tokens: int = 0
    longest_row_tokens: int = 0
    sequences: int = 0
    validation_rows: int = 0
    parameters: int = 0
    format: str = ""
    digest: str = ""
    episodes: int = 0
    frames: int = 0
    fps: float = 0.0
    image_keys: tuple[str, ...] = ()
    state_dim: int = 0
    action_dim: int = 0
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The report as `verdict.schema.json` wants it; faults, digest and what robots have only if there are any."""
        faults = [
            {
                "file": shorten(each.file, LONGEST_PLACE),
                "line": each.line,
                "message": shorten(each.message, LONGEST_FAULT),
            }
            for each in self.faults[:MOST_FAULTS]
        ]
        return {
            "rows": self.rows,
            "tokens": self.tokens,
            "longestRowTokens": self.longest_row_tokens,
            "sequences": self.sequences,
            "validationRows": self.validation_rows,
            "parameters": self.parameters,
            "format": self.format,
            **({"digest": self.digest} if self.digest else {}),
            **(self._of_robots() if self.episodes else {}),
            **({"faults": faults} if faults else {}),
            "warnings": [shorten(warning, LONGEST_WARNING) for warning in self.warnings[:MOST_WARNINGS]],
        }

    def _of_robots(self) -> dict[str, object]:
        return {
            "episodes": self.episodes,
            "frames": self.frames,
            "fps": self.fps,
            "imageKeys": [shorten(key, LONGEST_PLACE) for key in self.image_keys[:MOST_IMAGE_KEYS]],
            "stateDim": self.state_dim,
            "actionDim": self.action_dim,
        }

"""The report: what the stages prepare and inspect found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainer.contract.shortening import shorten

MOST_WARNINGS: Final = 8
MOST_FAULTS: Final = 8
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
    """What was found in model and data. `parameters` is 0 when the model does not tell; `sequences` are what a batch is made of."""

    rows: int = 0
    tokens: int = 0
    longest_row_tokens: int = 0
    sequences: int = 0
    validation_rows: int = 0
    parameters: int = 0
    format: str = ""
    digest: str = ""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The report as `verdict.schema.json` wants it; faults and digest only if there are any."""
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
            **({"faults": faults} if faults else {}),
            "warnings": [shorten(warning, LONGEST_WARNING) for warning in self.warnings[:MOST_WARNINGS]],
        }

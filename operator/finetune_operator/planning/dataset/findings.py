"""What an inspection found, out of the report in the trainer's verdict. Bounded, whatever an image writes there."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, ValidationError

from finetune_operator.api.model import ApiModel, Count, Measure

MOST: Final = 8
MOST_IMAGE_KEYS: Final = 32


def _first(most: int) -> BeforeValidator:
    """Keeps the first ``most`` characters or items."""
    return BeforeValidator(lambda value: value[:most] if isinstance(value, str | list) else value)


Line = Annotated[str, _first(512)]


class RowFault(ApiModel):
    """A row that is wrong."""

    file: Annotated[str, _first(253)]
    line: int
    message: Annotated[str, _first(512)]

    def sentence(self) -> str:
        """File, line and what is wrong there."""
        return f"{self.file}, line {self.line}: {self.message}"


class Findings(ApiModel):
    """The report of one inspection."""

    rows: Count | None = None
    frames: Count | None = None
    fps: Measure | None = None
    tokens: Count | None = None
    longest_row_tokens: Count | None = None
    format: Annotated[str | None, _first(32)] = None
    revision: Annotated[str | None, _first(256)] = None
    digest: Annotated[str | None, _first(80)] = None
    image_keys: Annotated[tuple[Annotated[str, _first(253)], ...], _first(MOST_IMAGE_KEYS)] = ()
    faults: Annotated[tuple[RowFault, ...], _first(MOST)] = ()
    warnings: Annotated[tuple[Line, ...], _first(MOST)] = ()


class _Verdict(ApiModel):
    report: Findings | None = None


def findings_of(message: str) -> Findings:
    """The findings in a termination message; empty ones where there are none."""
    try:
        return _Verdict.model_validate_json(message).report or Findings()
    except ValidationError:
        return Findings()

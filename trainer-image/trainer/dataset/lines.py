"""Reading chat rows from JSON Lines, with the number of each line that is wrong."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Final

from trainer.contract.report import Fault, Report
from trainer.dataset.locating import dataset_files
from trainer.dataset.rows import ChatRow, RowError, parse_row
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer.contract.run import Dataset

ADVICE: Final = "Each line is one JSON object with a 'messages' list of {role, content}."
MOST_PROBLEMS: Final = 1000
"""Bad lines after which reading a dataset ends: the rest would tell nothing new."""
MOST_NUMBERS: Final = 5
"""Further bad lines that a message names."""


def read_dataset(dataset: Dataset) -> Iterator[ChatRow]:
    """The rows of a dataset one by one, in the order of its files and lines; after a bad line no more of them.

    UserError: DatasetNotFound, DatasetUnreadable, DatasetEmpty, or at the end DatasetRowInvalid, which tells
    the first bad line in full and the numbers of the next ones, and reports the first few.
    """
    sound = 0
    faults: list[Fault] = []
    for file in dataset_files(dataset):
        for row in _rows_of(file, _name_of(file, dataset)):
            if isinstance(row, ChatRow):
                sound += 1
                if not faults:
                    yield row
            else:
                faults.append(row)
                if len(faults) == MOST_PROBLEMS:
                    raise _invalid(dataset, faults, sound)
    if faults:
        raise _invalid(dataset, faults, sound)
    if not sound:
        raise UserError("DatasetEmpty", f"{dataset.uri} has no rows", param=dataset.param, advice=ADVICE)


def _rows_of(file: Path, name: str) -> Iterator[ChatRow | Fault]:
    """Each line that is not blank."""
    with file.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            if line.strip():
                row = _row_or_problem(line)
                yield row if isinstance(row, ChatRow) else Fault(name, number, row)


def _row_or_problem(line: bytes) -> ChatRow | str:
    try:
        return parse_row(_decode(line))
    except RowError as error:
        return str(error)


def _decode(line: bytes) -> object:
    """The JSON value on a line; RowError when there is none."""
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise RowError("not UTF-8 but UTF-16: save the file as UTF-8") from error
        place = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
        raise RowError(f"not valid UTF-8 ({place})") from error
    except json.JSONDecodeError as error:
        if line.strip() == b"[":
            message = "is the start of a JSON array. A dataset is JSON Lines: one object on each line"
            raise RowError(message) from error
        raise RowError(f"not valid JSON ({error.msg} at column {error.colno})") from error
    except RecursionError as error:
        raise RowError("not usable: brackets are nested too deeply") from error


def _invalid(dataset: Dataset, faults: list[Fault], sound: int) -> UserError:
    first, *others = faults
    message = f"{first.file}, line {first.line}: {first.message}"
    if others:
        numbers = ", ".join(str(other.line) for other in others[:MOST_NUMBERS])
        more = f" and {len(others) - MOST_NUMBERS} others" if len(others) > MOST_NUMBERS else ""
        message = f"{message.rstrip('.')}. Also wrong: line{'s' if len(others) > 1 else ''} {numbers}{more}"
    report = Report(rows=sound, format="chat", faults=tuple(faults))
    return UserError("DatasetRowInvalid", message, param=dataset.param, advice=ADVICE).reporting(report)


def _name_of(file: Path, dataset: Dataset) -> str:
    return dataset.uri if file == dataset.path else f"{dataset.uri.rstrip('/')}/{file.name}"

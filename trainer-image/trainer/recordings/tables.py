"""Reading the files of a dataset, with the file's name in every complaint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.neighbours import listing
from trainer.recordings.permissions import allowed
from trainer.recordings.recording import refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.contract.sources import Dataset
    from trainer.failures import UserError

COPY_AGAIN: Final = "Copy the file again from where the dataset was recorded; its size there tells whether it is whole."


def place(dataset: Dataset, root: Path, path: str) -> Path:
    """The file `path` under `root`; UserError when there is none, or the name leads out of the dataset."""
    file = root / path
    with allowed(dataset, root, path):
        there = file.is_file()
    if not file.resolve().is_relative_to(root.resolve()) and not file.is_symlink():
        raise refused(
            dataset, "DatasetInvalid", f"meta/info.json names a file outside of the dataset: {path}", COPY_AGAIN
        )
    if not there:
        beside = listing(file.parent) if file.parent.is_dir() else ""
        raise refused(dataset, "DatasetInvalid", f"{path} is missing.{beside}", COPY_AGAIN)
    return file


def read_table(
    dataset: Dataset, root: Path, path: str, columns: Sequence[str] | None = None, row_groups: Sequence[int] = ()
) -> pa.Table:
    """The columns of a parquet file that are there, of all its row groups or of some."""
    file = place(dataset, root, path)
    try:
        with allowed(dataset, root, path), pq.ParquetFile(file) as parquet:
            there = parquet.schema_arrow.names
            wanted = there if columns is None else [name for name in columns if name in there]
            if row_groups:
                return parquet.read_row_groups(list(row_groups), columns=wanted)
            return parquet.read(columns=wanted)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(dataset, path, error) from error


def read_shape(dataset: Dataset, root: Path, path: str) -> tuple[pa.Schema, pq.FileMetaData]:
    """The schema and the footer of a parquet file: enough to count its rows."""
    file = place(dataset, root, path)
    try:
        with allowed(dataset, root, path), pq.ParquetFile(file) as parquet:
            return parquet.schema_arrow, parquet.metadata
    except (pa.ArrowException, OSError) as error:
        raise unreadable(dataset, path, error) from error


def read_lines(dataset: Dataset, root: Path, path: str) -> list[dict[str, object]]:
    """The objects of a JSON Lines file."""
    found: list[dict[str, object]] = []
    with allowed(dataset, root, path), place(dataset, root, path).open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value: object = json.loads(line)
            except ValueError as error:
                raise refused(
                    dataset, "DatasetUnreadable", f"{path}, line {number}: not valid JSON ({error})", COPY_AGAIN
                ) from error
            if not isinstance(value, dict):
                raise refused(dataset, "DatasetUnreadable", f"{path}, line {number}: no JSON object", COPY_AGAIN)
            found.append(value)
    return found


def unreadable(dataset: Dataset, path: str, error: Exception) -> UserError:
    """The complaint about a parquet file that is cut off or is none."""
    why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return refused(
        dataset, "DatasetUnreadable", f"{path} cannot be read as parquet, it is cut off or damaged: {why}", COPY_AGAIN
    )

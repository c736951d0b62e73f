"""Finding the files of a dataset, or saying what is there instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Dataset

SUFFIX: Final = ".jsonl"
MOST_NAMES: Final = 5
"""File names that a message lists."""


def dataset_files(dataset: Dataset) -> tuple[Path, ...]:
    """The .jsonl files of a dataset: the one it names, those of its folder that it lists, or all in it, sorted.

    UserError (DatasetNotFound, DatasetUnreadable) names the dataset as the user wrote it.
    """
    path = dataset.path
    if path is None or not path.exists():
        raise _not_found(dataset, f"{dataset.uri} does not exist.{_what_is_there(path) if path else ''}")
    files = _listed_files(dataset, path) if dataset.files else _found_files(dataset, path)
    for file in files:
        if not os.access(file, os.R_OK):
            raise UserError(
                "DatasetUnreadable",
                f"{dataset.uri}: {file.name} may not be read by user id {os.getuid()}",
                param=dataset.param,
                advice="Make the file readable to all, or to the group that the volume is mounted with.",
            )
    return files


def _found_files(dataset: Dataset, path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,)
    files = tuple(sorted(each for each in path.iterdir() if each.suffix == SUFFIX and each.is_file()))
    if not files:
        raise _not_found(dataset, f"{dataset.uri} is a folder without any {SUFFIX} file.{_listing(path)}")
    return files


def _listed_files(dataset: Dataset, folder: Path) -> tuple[Path, ...]:
    for index, name in enumerate(dataset.files):
        param = f"{dataset.place}.files[{index}]"
        inside = (folder / name).resolve().is_relative_to(folder.resolve())
        if not inside or not folder.is_dir():
            problem = (
                "is a file, and files lie in a folder" if inside else f"does not hold {name!r}, which leads out of it"
            )
            raise UserError("DatasetNotFound", f"{dataset.uri} {problem}", param=param)
        if not (folder / name).is_file():
            there = _what_is_there(folder / name)
            raise UserError("DatasetNotFound", f"{dataset.uri} has no file {name!r}.{there}", param=param)
    return tuple(folder / name for name in dataset.files)


def _not_found(dataset: Dataset, message: str) -> UserError:
    return UserError(
        "DatasetNotFound",
        message,
        param=dataset.param,
        advice=f"Name a {SUFFIX} file, or a folder that holds some.",
    )


def _what_is_there(path: Path) -> str:
    parent = next((folder for folder in path.parents if folder.is_dir()), None)
    if parent is None:
        return ""
    missing = path.relative_to(parent).parts[0]
    return _listing(parent) + did_you_mean(missing, [each.name for each in _visible(parent)])


def _listing(folder: Path) -> str:
    names = [each.name + ("/" if each.is_dir() else "") for each in _visible(folder)]
    if not names:
        return " The folder is empty."
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f" There is: {', '.join(names[:MOST_NAMES])}{more}."


def _visible(folder: Path) -> list[Path]:
    # Mounted ConfigMaps and Secrets keep their versions in folders that begin with two dots.
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith(".."))
    except OSError:
        return []

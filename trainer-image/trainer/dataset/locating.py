"""Finding the files of a dataset, or saying what is there instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.neighbours import is_empty, listing, what_is_there

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Dataset

SUFFIX: Final = ".jsonl"
CONFIG_MAP: Final = "configmap://"


def dataset_files(dataset: Dataset) -> tuple[Path, ...]:
    """The .jsonl files of a dataset: the one it names, those of its folder that it lists, or all in it, sorted.

    UserError (DatasetNotFound, DatasetUnreadable) names the dataset as the user wrote it.
    """
    path = dataset.path
    if path is None or not path.exists():
        raise _absent(dataset, path)
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
        raise _not_found(dataset, f"{dataset.uri} is a folder without any {SUFFIX} file.{listing(path)}")
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
            there = what_is_there(folder / name)
            raise UserError("DatasetNotFound", f"{dataset.uri} has no file {name!r}.{there}", param=param)
    return tuple(folder / name for name in dataset.files)


def _absent(dataset: Dataset, path: Path | None) -> UserError:
    there = what_is_there(path) if path else ""
    if path is None or not dataset.uri.startswith(CONFIG_MAP):
        return _not_found(dataset, f"{dataset.uri} does not exist.{there}")
    name = dataset.uri.removeprefix(CONFIG_MAP).partition("/")[0]
    # A ConfigMap that does not exist is mounted as an empty folder: the pod would wait for it otherwise.
    if is_empty(path.parent):
        return UserError(
            "DatasetNotFound",
            f"{dataset.uri}: the ConfigMap '{name}' does not exist in the job's namespace, or has no keys",
            param=dataset.param,
            advice="`kubectl get configmaps` in that namespace lists those there; `kubectl create configmap NAME"
            " --from-file=train.jsonl` makes one.",
        )
    return _not_found(dataset, f"{dataset.uri}: the ConfigMap '{name}' has no key '{path.name}'.{there}")


def _not_found(dataset: Dataset, message: str) -> UserError:
    return UserError(
        "DatasetNotFound",
        message,
        param=dataset.param,
        advice=f"Name a {SUFFIX} file, or a folder that holds some.",
    )

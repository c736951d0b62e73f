"""What a stage has finished: put in place by one rename, with a digest, and found again when its verdict was lost."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final, Literal

from trainer.contract.verdict import Artifact
from trainer.failures import UserError
from trainer.workspace.digest import digest_of
from trainer.workspace.durability import make_readable, sync, sync_tree
from trainer.workspace.jsonfile import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Job, Run
    from trainer.contract.verdict import Verdict
    from trainer.workspace.layout import Place, Workspace

MOST_NAMES: Final = 5
"""Of files that a message lists."""


def place_of_training(workspace: Workspace, run: Run) -> Place:
    """Where what stage train makes is to go."""
    return workspace.adapter_place if run.merges else workspace.model_place


def describe(folder: Path, name: str, kind: Literal["adapter", "model"]) -> Artifact:
    """Make all files of `folder` readable to anyone and describe them as the artifact that will be called `name`."""
    for path in [folder, *folder.rglob("*")]:
        make_readable(path)
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return Artifact(
        path=name,
        kind=kind,
        files=tuple(files),
        bytes=sum(path.stat().st_size for path in files.values()),
        digest=digest_of(files),
    )


def put_in_place(place: Place, staging: Path, verdict: Verdict, run: Run, dtype: str = "") -> None:
    """Turn `staging` into what is finished. The verdict is written first, so a model in place always has one.

    `dtype` is that of the frozen weights beside an adapter, for who merges them. Each step is on the disk before the next, so that this holds after a power cut too. UserError (OutputOccupied) when
    something else already lies there.
    """
    if os.path.lexists(place.folder):
        raise _occupied(place, "")
    sync_tree(staging)
    record = {"jobUid": run.job.uid, "run": run.number, "verdict": verdict.to_json()}
    write_json(place.record, record | ({"dtype": dtype} if dtype else {}))
    staging.rename(place.folder)
    sync(place.folder.parent)


def check_free(workspace: Workspace, run: Run) -> None:
    """UserError (OutputOccupied) when something that this run did not make lies where its model is to go.

    Asked before anything is trained, since nothing is ever overwritten.
    """
    for place in dict.fromkeys((place_of_training(workspace, run), workspace.model_place)):
        if os.path.lexists(place.folder) and finished_verdict(place, run.job) is None:
            source = run.model.path
            starts_there = place.folder.exists() and source and source.exists() and source.samefile(place.folder)
            raise _occupied(
                place, f": it is {run.model.name}, the model that this job starts from" if starts_there else ""
            )


def finished_verdict(place: Place, job: Job) -> dict[str, object] | None:
    """The verdict of what this very job has finished there; None when there is nothing yet or it is another's."""
    record = read_json(place.record)
    verdict = record.get("verdict")
    if not place.folder.is_dir() or record.get("jobUid") != job.uid or not isinstance(verdict, dict):
        return None
    return verdict


def clear_staging(workspace: Workspace) -> None:
    """Remove what earlier attempts left of a model that they did not finish."""
    for folder in workspace.all_staging():
        shutil.rmtree(folder, ignore_errors=True)


def _occupied(place: Place, remark: str) -> UserError:
    model = place.folder
    names = sorted(each.name for each in model.iterdir()) if model.is_dir() else []
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    holds = f"holds {', '.join(names[:MOST_NAMES])}{more}" if names else "is there"
    return UserError(
        "OutputOccupied",
        f"the finished model is to become {model.name}/ on the output volume, which already {holds} and was not made by"
        f" this job{remark}",
        param="spec.output",
        advice=f"Give this job an output folder of its own, or move {model.name}/ away; nothing is ever overwritten.",
    )

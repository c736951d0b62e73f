"""The finished model: put in place by one rename, with a digest, and found again when its verdict was lost."""

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
    from trainer.workspace.layout import Workspace

MOST_NAMES: Final = 5
"""Of files that a message lists."""


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


def put_in_place(workspace: Workspace, staging: Path, verdict: Verdict, job: Job) -> None:
    """Turn `staging` into the finished model. The verdict is written first, so a model in place always has one.

    Each step is on the disk before the next, so that this holds after a power cut too. UserError (OutputOccupied) when
    something else already lies there.
    """
    if os.path.lexists(workspace.model):
        raise _occupied(workspace, "")
    sync_tree(staging)
    write_json(workspace.finished, {"jobUid": job.uid, "verdict": verdict.to_json()})
    staging.rename(workspace.model)
    sync(workspace.root)


def check_free(workspace: Workspace, run: Run) -> None:
    """UserError (OutputOccupied) when something that this job did not make lies where its model is to go.

    Asked before anything is trained, since nothing is ever overwritten.
    """
    if os.path.lexists(workspace.model) and finished_verdict(workspace, run.job) is None:
        source = run.model.path
        starts_there = workspace.model.exists() and source and source.exists() and source.samefile(workspace.model)
        raise _occupied(
            workspace, f": it is {run.model.name}, the model that this job starts from" if starts_there else ""
        )


def finished_verdict(workspace: Workspace, job: Job) -> dict[str, object] | None:
    """The verdict of this very job's finished model; None when there is no model yet or it is another's."""
    record = read_json(workspace.finished)
    verdict = record.get("verdict")
    if not workspace.model.is_dir() or record.get("jobUid") != job.uid or not isinstance(verdict, dict):
        return None
    return verdict


def clear_staging(workspace: Workspace) -> None:
    """Remove what earlier attempts left of a model that they did not finish."""
    for folder in workspace.root.glob(workspace.staging(0).name.replace("-0", "-*")):
        shutil.rmtree(folder, ignore_errors=True)


def _occupied(workspace: Workspace, remark: str) -> UserError:
    model = workspace.model
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

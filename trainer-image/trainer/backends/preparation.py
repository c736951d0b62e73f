"""Whether what a run asks for was looked at before it is trained: by stage prepare, or first of all by stage train.

Where stages share no volume the operator folds prepare into train, and run.json does not say so. The workspace does: a
record of what was found to be good. So a training that finds none, for whatever reason, looks before the GPU works.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import TYPE_CHECKING, Final

from trainer.workspace.jsonfile import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.workspace.layout import Workspace

RECORD: Final = "prepared.json"


def note_prepared(run: Run, workspace: Workspace) -> None:
    """Record that all that can be known beforehand was found to be good."""
    write_json(workspace.root / RECORD, _record(run))


def is_prepared(run: Run, workspace: Workspace) -> bool:
    """Whether exactly this was found to be good before."""
    return read_json(workspace.root / RECORD) == _record(run)


def prepare_first(run: Run, workspace: Workspace, prepare: Callable[[Run, Workspace], Verdict]) -> bool:
    """Do in stage train what stage prepare does, unless it was done; UserError as there. Only the first process does.

    Returns whether it had to be done: then the other processes come to the meeting long before the first one. What is
    only finished trains nothing, and needs nothing but its checkpoint.
    """
    if run.finish or is_prepared(run, workspace):
        return False
    if os.environ.get("RANK", "0") == "0":
        print("nothing was prepared: model, data and settings are looked at first", flush=True)
        verdict = prepare(dataclasses.replace(run, stage="prepare"), workspace)
        for warning in verdict.report.warnings if verdict.report else ():
            print(f"warning: {warning}", flush=True)
        note_prepared(run, workspace)
    return True


def _record(run: Run) -> dict[str, object]:
    """By what the job says and not by paths, nor by what the operator chooses once it knows the data."""
    given, source = run.hyperparameters, run.model.from_checkpoint
    source = dataclasses.replace(source, path=None) if source else None
    model = dataclasses.replace(run.model, path=None, from_checkpoint=source)
    asked: list[object] = [
        run.job_type,
        model,
        [dataclasses.replace(each, path=None) for each in run.datasets],
        run.cameras,
    ]
    asked += [run.reward, run.evaluation, run.integrations, given.lora, given.extra, given.precision]
    content = json.dumps(asked, default=_as_json, sort_keys=True)
    return {"jobUid": run.job.uid, "run": run.number, "asked": hashlib.sha256(content.encode()).hexdigest()}


def _as_json(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)

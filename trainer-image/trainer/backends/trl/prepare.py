"""Stage prepare: can the model and the data be read, are they valid, can the workspace be written? On CPU, in seconds."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from trainer.backends.trl.abilities import check_abilities
from trainer.backends.trl.materials import Materials, gather_materials
from trainer.contract.report import Report
from trainer.contract.verdict import Verdict
from trainer.training.method import check_method, method_of
from trainer.training.packing import packed_sequences
from trainer.training.plan import make_plan, warnings_of
from trainer.training.tracker_keys import check_tracker_keys
from trainer.workspace.checkpoints import all_checkpoints
from trainer.workspace.fence import check_owner
from trainer.workspace.finished import check_free
from trainer.workspace.marker import read_mark
from trainer.workspace.writable import check_writable

if TYPE_CHECKING:
    from trainer.backends.trl.encoding import EncodedRow
    from trainer.backends.trl.starting_point import StartingPoint
    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace


def prepare(run: Run, workspace: Workspace) -> Verdict:
    """Check everything and report; UserError names the field that is to blame."""
    check_abilities(run)
    check_tracker_keys(run.integrations, os.environ)
    check_writable(workspace)
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    lengths = _Lengths()
    materials = gather_materials(run, {"train": lengths.keep, "validation": lambda _row: None})
    _check_layers(run, materials.start)
    _check_restart(run, workspace, materials.start)
    report = _report(run, materials, lengths)
    return Verdict(
        stage="prepare",
        attempt=run.attempt,
        result="completed",
        message=f"{report.rows} rows and {report.tokens} tokens are ready",
        report=report,
    )


def _check_layers(run: Run, start: StartingPoint) -> None:
    lora = run.hyperparameters.lora
    # An adapter that goes on being trained keeps its own layers.
    if lora.enabled and lora.target_modules and start.adapter is None:
        # Needs torch, which takes seconds to import: only for those who name layers.
        from trainer.backends.trl.loading import check_target_modules  # noqa: PLC0415

        check_target_modules(run, start)


def _check_restart(run: Run, workspace: Workspace, start: StartingPoint) -> None:
    """UserError when the newest checkpoint is one that the training could not go on from."""
    complete = (each for each in all_checkpoints(workspace.checkpoints, run.resume_from) if each.complete)
    newest = next(complete, None)
    if newest is not None:
        own = method_of(run.hyperparameters, continued=start.adapter is not None)
        check_method(own, newest.step, read_mark(newest.path).method)


class _Lengths:
    """Counts rows by their length: a dataset in tokens need not fit in this pod's memory."""

    def __init__(self) -> None:
        self.rows: Counter[int] = Counter()

    def keep(self, row: EncodedRow) -> None:
        """Count a row and let it go."""
        self.rows[len(row.input_ids)] += 1


def _report(run: Run, materials: Materials, lengths: _Lengths) -> Report:
    packs = run.hyperparameters.packing
    sequences = packed_sequences(lengths.rows, materials.longest) if packs else materials.train.rows
    plan = make_plan(run.hyperparameters, sequences, run.hardware)
    return Report(
        rows=materials.train.rows,
        tokens=materials.train.tokens,
        longest_row_tokens=materials.train.longest,
        sequences=sequences,
        validation_rows=materials.validation.rows,
        parameters=materials.folder.parameters,
        format="chat",
        warnings=(*materials.warnings, *(warnings_of(plan) if plan else ())),
    )

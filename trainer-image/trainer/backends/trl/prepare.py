"""Stage prepare: can the model and the data be read, are they valid, can the workspace be written? On CPU, in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.backends.trl.materials import SPLITS, Materials, gather_materials
from trainer.contract.verdict import Report, Verdict
from trainer.failures import UserError
from trainer.training.plan import few_steps_warning, make_plan
from trainer.workspace.fence import check_owner
from trainer.workspace.finished import check_free
from trainer.workspace.jsonfile import write_json

if TYPE_CHECKING:
    from trainer.backends.trl.encoding import EncodedRow
    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace


def prepare(run: Run, workspace: Workspace) -> Verdict:
    """Check everything and report; UserError names the field that is to blame."""
    check_writable(workspace)
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    materials = gather_materials(run, dict.fromkeys(SPLITS, _let_go))
    report = _report(run, materials)
    return Verdict(
        stage="prepare",
        attempt=run.attempt,
        result="completed",
        message=f"{report.rows} rows and {report.tokens} tokens are ready",
        report=report,
    )


def check_writable(workspace: Workspace) -> None:
    """UserError (OutputNotWritable) when nothing can be kept in the workspace."""
    probe = workspace.root / ".writable"
    try:
        write_json(probe, {})
        probe.unlink()
    except OSError as error:
        raise UserError(
            "OutputNotWritable",
            f"the output volume cannot be written to: {error.strerror}",
            param="spec.output",
            advice="The volume must allow writing for the pod's user or fsGroup, and have space left.",
        ) from error


def _let_go(_row: EncodedRow) -> None:
    """Counting is enough here: a dataset in tokens need not fit in this pod's memory."""


def _report(run: Run, materials: Materials) -> Report:
    processes = max(1, run.hardware.gpus * run.hardware.nodes)
    plan = make_plan(run.hyperparameters, materials.train.rows, processes)
    few = few_steps_warning(plan)
    return Report(
        rows=materials.train.rows,
        tokens=materials.train.tokens,
        longest_row_tokens=materials.train.longest,
        validation_rows=materials.validation.rows,
        parameters=materials.folder.parameters,
        warnings=(*materials.warnings, *([few] if few else [])),
    )

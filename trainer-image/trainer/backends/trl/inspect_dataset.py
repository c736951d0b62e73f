"""Stage inspect: a registered Dataset looked at by itself, before any job asks for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.backends.trl.abilities import check_dataset
from trainer.backends.trl.encoding import Encoding, Tally, encode
from trainer.backends.trl.materials import ignored_keys, load_tokenizer
from trainer.contract.report import Report
from trainer.contract.verdict import Verdict
from trainer.dataset.lines import read_dataset
from trainer.dataset.locating import dataset_files
from trainer.workspace.digest import digest_of

if TYPE_CHECKING:
    from trainer.contract.run import Run


def inspect_dataset(run: Run) -> Verdict:
    """Read every row and report; UserError names the field of the Dataset that is to blame."""
    dataset = run.datasets[0]
    check_dataset(run, dataset)
    root = dataset.path or Path()
    files = {path.name if path == root else str(path.relative_to(root)): path for path in dataset_files(dataset)}
    ignored = ignored_keys(run)
    tally, warnings = _counted(run)
    if ignored:
        warnings.append(f"keys that have no meaning here are passed over: {', '.join(ignored[:8])}")
    report = Report(
        rows=tally.rows,
        tokens=tally.tokens,
        longest_row_tokens=tally.longest,
        sequences=tally.rows,
        format="chat",
        digest=digest_of(files),
        warnings=tuple(warnings),
    )
    return Verdict("inspect", run.attempt, "completed", f"{report.rows} rows can be read", report=report)


def _counted(run: Run) -> tuple[Tally, list[str]]:
    """Rows, and tokens if there is a tokenizer that counts them."""
    if run.model.path is not None:
        encoding = Encoding(load_tokenizer(run), sys.maxsize)
        return encode(read_dataset(run.datasets[0]), encoding, lambda _row: None), []
    uncounted = f"tokens are not counted: {run.model.name} says no place that its tokenizer could be fetched from"
    rows = sum(1 for _ in read_dataset(run.datasets[0]))
    return Tally(rows=rows), [uncounted] if run.model.name else []

"""Stage inspect of recordings: a registered Dataset looked at by itself, before any job asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.contract.verdict import Verdict
from trainer.recordings.preflight import check_recordings

if TYPE_CHECKING:
    from trainer.contract.run import Run


def inspect_dataset(run: Run) -> Verdict:
    """Look at metadata wholly and at pictures in a sample; UserError names file, episode and key."""
    report = check_recordings(run).report
    message = f"{report.episodes} episodes with {report.frames} frames can be read"
    return Verdict("inspect", run.attempt, "completed", message, report=report)

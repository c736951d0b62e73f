"""What prepare found in the data, as the status keeps it: small beside what else stands there."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Report
from finetune_operator.planning import records
from finetune_operator.planning.standing import View

ROOM: Final = 600
"""Characters of all warnings together: those of a trainer's eight may have six times that. Its verdict on the output claim has them whole."""

FEW_CAMERAS: Final = 4
"""These may stand in a status twice; few robots have more."""


def report_of(view: View) -> Report | None:
    """The report, as soon as prepare has ended; once it is written it stays as it is."""
    if view.job.status.report:
        return view.job.status.report
    verdicts = (ending.verdict for ending in records.fresh_endings(view, "prepare"))
    found = next((verdict.report for verdict in verdicts if verdict and verdict.report), None)
    return bounded(found, view.job.status.resolved) if found else None


def bounded(report: Report, resolved: Resolved | None) -> Report:
    """With warnings that have room, each its share, and without many cameras where ``resolved`` has all of them."""
    share = ROOM // max(1, len(report.warnings))
    warnings = tuple(_cut(warning, share) for warning in report.warnings)
    used = {camera.dataset_key for camera in resolved.cameras} if resolved else set()
    many = len(report.image_keys or ()) > FEW_CAMERAS
    cameras = None if many and used.issuperset(report.image_keys or ()) else report.image_keys
    return report.model_copy(update={"warnings": warnings, "image_keys": cameras})


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"

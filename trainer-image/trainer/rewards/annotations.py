"""Annotations of subtasks, which dense heads learn from: without them every target would be zero, and nothing would say so.

LeRobot's annotation tool writes them: `meta/temporal_proportions_<kind>.json`, and three columns of the episodes' table.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from trainer.contract.robots import AnnotationMode

PARAM: Final = "spec.reward.annotationMode"
COLUMNS: Final = ("subtask_names", "subtask_start_frames", "subtask_end_frames")
KINDS: Final[dict[str, tuple[str, ...]]] = {"single_stage": (), "dense_only": ("dense",), "dual": ("sparse", "dense")}


def check_annotations(mode: AnnotationMode, root: Path, columns: Collection[str], datasets: int) -> None:
    """UserError (AnnotationsMissing) when a dataset at `root`, whose table of episodes has `columns`, lacks what `mode` needs.

    `datasets` is how many are trained on: several are merged, and annotations are lost by that.
    """
    if KINDS[mode] and datasets > 1:
        problem = f"{datasets} datasets are merged, and annotations of subtasks are lost by that"
        raise _missing(mode, problem, "Train on one dataset, or set annotationMode to single_stage.")
    for kind in KINDS[mode]:
        _check_proportions(mode, root, kind)
        absent = [name for name in COLUMNS if f"{kind}_{name}" not in columns and name not in columns]
        if absent:
            problem = f"meta/episodes has no column {kind}_{absent[0]}"
            raise _missing(mode, problem, _REMEDY)


def _check_proportions(mode: AnnotationMode, root: Path, kind: str) -> None:
    file = root / "meta" / f"temporal_proportions_{kind}.json"
    try:
        proportions: object = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _missing(mode, f"there is no meta/{file.name}", _REMEDY) from error
    except (OSError, ValueError) as error:
        raise _missing(mode, f"meta/{file.name} cannot be read: {error}", _REMEDY) from error
    stages = proportions if isinstance(proportions, dict) else {}
    least = 2 if kind == "dense" else 1
    if len(stages) < least or not all(isinstance(value, int | float) for value in stages.values()):
        problem = f"meta/{file.name} must hold at least {least} subtasks with their shares, and holds {len(stages)}"
        raise _missing(mode, problem, _REMEDY)


def _missing(mode: AnnotationMode, problem: str, advice: str) -> UserError:
    return UserError(
        "AnnotationsMissing",
        f"annotationMode {mode} learns from annotations of subtasks: {problem}",
        param=PARAM,
        advice=advice,
    )


_REMEDY: Final = (
    "Annotate the dataset with LeRobot's sarm_annotations/subtask_annotation, or set annotationMode to single_stage, which"
    " needs none."
)

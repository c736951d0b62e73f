"""Stage prepare: the data checked as for every robot policy and, for N1.6, written in the format that it reads. On CPU."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any, Final

from trainer.backends.groot.abilities import check_abilities
from trainer.backends.groot.arguments import rows_per_process
from trainer.backends.groot.modality import FILE, camera_keys, modality_of
from trainer.contract.verdict import Verdict
from trainer.failures import UserError
from trainer.workspace.durability import sync_tree
from trainer.workspace.fence import check_owner
from trainer.workspace.finished import check_free

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.backends.groot.older_format.episodes import Source
    from trainer.contract.run import Run
    from trainer.recordings.gathering import Gathered
    from trainer.workspace.layout import Workspace

OLDER: Final = "older"
"""How the folder of the dataset in format 2.1 begins."""


def prepare(run: Run, workspace: Workspace) -> Verdict:
    """Check everything and report; UserError names the field that is to blame."""
    check_abilities(run)
    rows_per_process(run)
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    # pyarrow and PyAV, which only this stage and the next need.
    from trainer.recordings.gathering import gather  # noqa: PLC0415
    from trainer.recordings.preflight import check_recordings  # noqa: PLC0415

    found = check_recordings(run)
    if run.model.type == "gr00t_n1_5":
        _check_all_cameras_are_used(run, found.train[0].image_keys)
    ready_dataset(run, workspace, gather(run, workspace))
    report = found.report
    message = f"{report.episodes} episodes and {report.frames} frames are ready"
    return Verdict("prepare", run.attempt, "completed", message, report=report)


def ready_dataset(run: Run, workspace: Workspace, gathered: Gathered) -> Path:
    """The folder that the trainer reads: the gathered dataset, for N1.6 in the older format, made once in the workspace."""
    if run.model.type == "gr00t_n1_5":
        return gathered.root
    # pyarrow and PyAV again.
    from trainer.backends.groot.older_format.episodes import chosen, read_source  # noqa: PLC0415
    from trainer.backends.groot.older_format.writing import write_older  # noqa: PLC0415

    source = read_source(gathered.root)
    modality = modality_of(source.facts["features"], run.cameras, _own_modality(run))
    target = workspace.root / "recordings" / f"{OLDER}-{_digest(source, gathered, modality)}"
    if target.is_dir():
        return target
    # Found again under its name only when it is whole.
    staging = target.with_name(f".{target.name}-{run.attempt}")
    shutil.rmtree(staging, ignore_errors=True)
    write_older(source, chosen(source, gathered.train_episodes), camera_keys(modality), staging)
    (staging / FILE).write_text(json.dumps(modality, indent=4) + "\n", encoding="utf-8")
    sync_tree(staging)
    return staging.rename(target)


def _digest(source: Source, gathered: Gathered, modality: Mapping[str, Any]) -> str:
    """What tells one making from another: what the dataset says of itself, and what is taken of it."""
    lengths = [each.length for each in source.episodes]
    said = json.dumps([source.facts, lengths, gathered.train_episodes, modality], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _own_modality(run: Run) -> dict[str, Any] | None:
    """The file that the first dataset brought along; None without one. UserError when it is not JSON."""
    dataset = next(each for each in run.datasets if each.split == "train")
    file = dataset.path / FILE if dataset.path else None
    if file is None or not file.is_file():
        return None
    try:
        own: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError("DatasetInvalid", f"{dataset.uri}: {FILE} is not JSON: {error}", param=dataset.param) from error
    return own


def _check_all_cameras_are_used(run: Run, keys: tuple[str, ...]) -> None:
    """LeRobot 0.5.1 gives GR00T every camera of the dataset, in the order of their keys, whatever a job maps."""
    mapped = {each.dataset_key for each in run.cameras if each.dataset_key}
    left_out = [key for key in keys if mapped and key not in mapped]
    if left_out:
        raise UserError(
            "CamerasInvalid",
            f"GR00T N1.5 sees every camera of a dataset, and {', '.join(left_out)} would be among them",
            param="spec.cameraMappings",
            advice="Leave cameraMappings out, or remove the cameras from the dataset (lerobot-edit-dataset, remove_feature).",
        )

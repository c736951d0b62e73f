"""Runs of robot jobs over datasets on disk, for tests of what is known before anything is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.trainer.documents import Json, run_document
from trainer.contract.run import Run, parse_run

SMOLVLA_KEYS: Final = tuple(f"observation.images.camera{number}" for number in (1, 2, 3))


def robot_document(workspace: Path, folders: Sequence[Path], model: str = "act", **changes: object) -> Json:
    """A run of stage prepare that trains `model` on the datasets in `folders`; their uris are pvc://data/<folder>."""
    places: list[Json] = [
        {"name": folder.name, "split": "train", "uri": f"pvc://data/{folder.name}", "path": str(folder)}
        for folder in folders
    ]
    document = run_document(
        "train.robot",
        stage="prepare",
        jobType="vla",
        model={"name": model, "type": model},
        datasets=places,
        cameras=[],
        evaluation={},
        paths__workspace=str(workspace),
    )
    document.pop("reward")
    return {**document, **changes}


def robot_run(workspace: Path, folders: Sequence[Path], model: str = "act", **changes: object) -> Run:
    """The same, parsed."""
    return parse_run(robot_document(workspace, folders, model, **changes))


def inspection(workspace: Path, folder: Path) -> Run:
    """A run of stage inspect of one dataset."""
    place = {"name": folder.name, "split": "train", "uri": f"pvc://data/{folder.name}", "path": str(folder)}
    document = run_document("inspect", datasets=[{**place, "format": "lerobot"}], paths__workspace=str(workspace))
    document.pop("model")
    return parse_run(document)


def slots(**mapped: str) -> list[Json]:
    """Cameras of SmolVLA as the operator writes them: cam_1 to cam_3, those that are not mapped without a key."""
    cameras: list[Json] = []
    for number, key in enumerate(SMOLVLA_KEYS, start=1):
        camera: Json = {"slot": f"cam_{number}", "policyKey": key}
        if f"cam_{number}" in mapped:
            camera["datasetKey"] = mapped[f"cam_{number}"]
        cameras.append(camera)
    return cameras


def policy_folder(folder: Path, kind: str | None, keys: Sequence[str] = (), **more: object) -> Path:
    """A folder that looks like a policy of LeRobot's to everything that does not load it."""
    folder.mkdir(parents=True)
    features: Mapping[str, object] = {key: {"type": "VISUAL", "shape": [3, 256, 256]} for key in keys}
    (folder / "config.json").write_text(json.dumps({"type": kind, "input_features": features, **more}))
    return folder

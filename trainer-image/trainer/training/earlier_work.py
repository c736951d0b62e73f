"""The weights of earlier work that a job goes on from: a folder, or what it names in another job's workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.neighbours import what_is_there
from trainer.workspace.checkpoints import all_checkpoints
from trainer.workspace.layout import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.sources import CheckpointSource

PARAM: Final = "spec.model.fromCheckpoint"
MOST_STEPS: Final = 8
"""Of checkpoints that a message names."""


def folder_of_weights(source: CheckpointSource) -> Path:
    """The folder with the weights: the source itself, or what it names in another job's workspace.

    UserError (ModelNotFound) when it is not there.
    """
    path = source.path
    if path is None or not path.exists():
        raise missing(source, f"does not exist.{what_is_there(path) if path else ''}")
    if not path.is_dir():
        raise missing(source, "is a file, must be a folder")
    workspace = Workspace(path)
    finished = workspace.newest_model()
    if not workspace.checkpoints.is_dir() and finished is None:
        if source.step is not None:
            raise missing(source, f"has no checkpoints, and step {source.step} is asked for")
        return path
    if source.step is None and finished is not None:
        return finished
    complete = [each for each in all_checkpoints(workspace.checkpoints) if each.complete]
    wanted = [each for each in complete if source.step in (None, each.step)]
    if not wanted:
        steps = ", ".join(str(each.step) for each in complete[:MOST_STEPS]) or "none"
        raise missing(source, f"has no complete checkpoint{_of_step(source.step)}; there are: {steps}")
    return wanted[0].path


def missing(source: CheckpointSource, problem: str) -> UserError:
    """That it is not there, or that there is something else."""
    param = f"{PARAM}.step" if source.step else PARAM
    return UserError("ModelNotFound", f"{source.name} {problem}", param=param)


def _of_step(step: int | None) -> str:
    return f" of step {step}" if step else ""

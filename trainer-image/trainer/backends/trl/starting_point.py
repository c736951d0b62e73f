"""Which weights a training starts from: the model's own, or those of an earlier run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.trl.model_folder import ADAPTER_CONFIG
from trainer.failures import UserError
from trainer.neighbours import what_is_there
from trainer.workspace.checkpoints import all_checkpoints
from trainer.workspace.layout import Workspace

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.contract.sources import CheckpointSource

PARAM: Final = "spec.model.fromCheckpoint"
MOST_STEPS: Final = 8
"""Of checkpoints that a message names."""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """`weights`: a folder with all weights, which the user calls `name`. `adapter`: one that goes on being trained."""

    weights: Path
    name: str
    adapter: Path | None = None


def starting_point(run: Run) -> StartingPoint:
    """Where the training starts. UserError (ModelNotFound, HyperparameterUnsupported) when there is nothing to go on from."""
    model = run.model.path or Path(run.model.name)
    source = run.model.from_checkpoint
    if source is None:
        return StartingPoint(model, run.model.name)
    folder = _folder(source)
    if (folder / ADAPTER_CONFIG).is_file():
        if not run.hyperparameters.lora.enabled:
            raise UserError(
                "HyperparameterUnsupported",
                f"{source.name} is an adapter, which goes on being trained, and lora.enabled is false",
                param="spec.hyperparameters.lora.enabled",
                advice="Leave lora on, or start from merged weights.",
            )
        return StartingPoint(model, run.model.name, adapter=folder)
    if (folder / "config.json").is_file():
        return StartingPoint(folder, source.name)
    raise _missing(source, f"holds neither {ADAPTER_CONFIG} nor config.json")


def starting_warnings(start: StartingPoint) -> tuple[str, ...]:
    """What of the hyperparameters has no effect with this start."""
    if start.adapter is None:
        return ()
    try:
        rank: object = json.loads((start.adapter / ADAPTER_CONFIG).read_text(encoding="utf-8")).get("r")
    except (OSError, ValueError, AttributeError):
        rank = None
    return (
        f"the adapter of fromCheckpoint goes on with its own rank {rank}, alpha, dropout and modules, not the job's",
    )


def _folder(source: CheckpointSource) -> Path:
    """The folder with the weights: the source itself, or what it names in another job's workspace."""
    path = source.path
    if path is None or not path.exists():
        raise _missing(source, f"does not exist.{what_is_there(path) if path else ''}")
    if not path.is_dir():
        raise _missing(source, "is a file, must be a folder")
    workspace = Workspace(path)
    finished = workspace.newest_model()
    if not workspace.checkpoints.is_dir() and finished is None:
        if source.step is not None:
            raise _missing(source, f"has no checkpoints, and step {source.step} is asked for")
        return path
    if source.step is None and finished is not None:
        return finished
    complete = [each for each in all_checkpoints(workspace.checkpoints) if each.complete]
    wanted = [each for each in complete if source.step in (None, each.step)]
    if not wanted:
        steps = ", ".join(str(each.step) for each in complete[:MOST_STEPS]) or "none"
        raise _missing(source, f"has no complete checkpoint{_of_step(source.step)}; there are: {steps}")
    return wanted[0].path


def _of_step(step: int | None) -> str:
    return f" of step {step}" if step else ""


def _missing(source: CheckpointSource, problem: str) -> UserError:
    param = f"{PARAM}.step" if source.step else PARAM
    return UserError("ModelNotFound", f"{source.name} {problem}", param=param)

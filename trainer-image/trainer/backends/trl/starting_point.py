"""Which weights a training starts from: the model's own, or those of an earlier run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.backends.trl.model_folder import ADAPTER_CONFIG
from trainer.failures import UserError
from trainer.training.earlier_work import folder_of_weights, missing

if TYPE_CHECKING:
    from trainer.contract.run import Run


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
    folder = folder_of_weights(source)
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
    raise missing(source, f"holds neither {ADAPTER_CONFIG} nor config.json")


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

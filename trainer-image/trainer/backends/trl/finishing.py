"""The end of a training: the model saved, described and put in place."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trainer.backends.trl.loading import load_trained
from trainer.training.devices import uses_bf16
from trainer.training.ending import remark_on_choice, verdict_of_training
from trainer.workspace.checkpoints import best_checkpoints
from trainer.workspace.fence import check_fence
from trainer.workspace.finished import clear_staging, describe, place_of_training, put_in_place

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.backends.trl.starting_point import StartingPoint
    from trainer.contract.run import Run
    from trainer.contract.verdict import Position, Verdict
    from trainer.training.course import StopReason
    from trainer.workspace.checkpoints import Checkpoint
    from trainer.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training has made: the model, the weights that it started from, why it ended and where."""

    model: Any
    tokenizer: Any
    start: StartingPoint
    reason: StopReason
    position: Position


def finish(run: Run, workspace: Workspace, trained: Trained) -> Verdict:
    """Save the trained model and tokenizer as the job's result. Returns the verdict that goes with it."""
    clear_staging(workspace)
    staging = workspace.staging("train", run.attempt)
    place = place_of_training(workspace, run)
    best = _best(run, workspace)
    model = load_trained(run, trained.start, best.path) if best else trained.model
    kind = _save(run, model, trained, staging)
    artifact = describe(staging, place.folder.name, kind)
    verdict = verdict_of_training(run, trained.reason, trained.position)
    remark = remark_on_choice(run, best.step if best else None)
    verdict = dataclasses.replace(verdict, message=verdict.message + remark, artifact=artifact)
    check_fence(workspace.fence, run.attempt)
    put_in_place(place, staging, verdict, run, dtype="bfloat16" if uses_bf16(run) else "float32")
    return verdict


def _best(run: Run, workspace: Workspace) -> Checkpoint | None:
    """The checkpoint to publish instead of the last weights, when the job wants the best and there is one."""
    if run.output.select != "best":
        return None
    return next(iter(best_checkpoints(workspace.checkpoints, 1, run.resume_from)), None)


def _save(run: Run, model: Any, trained: Trained, folder: Path) -> Literal["adapter", "model"]:  # noqa: ANN401 - a library's object
    model.save_pretrained(os.fspath(folder))
    trained.tokenizer.save_pretrained(os.fspath(folder))
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    if not run.hyperparameters.lora.enabled:
        return "model"
    _name_base_model(folder / "adapter_config.json", trained.start.name)
    return "adapter"


def _name_base_model(adapter_config: Path, name: str) -> None:
    """Say which model the adapter belongs to as the user does: the pod's path to it means nothing elsewhere."""
    config = json.loads(adapter_config.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = name
    adapter_config.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

"""The end of a training: the model saved, described and put in place."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from trainer.contract.verdict import Verdict
from trainer.workspace.fence import check_fence
from trainer.workspace.finished import clear_staging, describe, put_in_place

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.backends.trl.encoding import ChatTokenizer
    from trainer.contract.result import Result
    from trainer.contract.run import Run
    from trainer.contract.verdict import Position
    from trainer.training.course import StopReason
    from trainer.workspace.layout import Workspace

RESULTS: dict[StopReason, Result] = {"go on": "completed", "deadline": "deadline", "stopped": "stopped"}
"""What an end of the training is called in the verdict."""
REMARKS: dict[StopReason, str] = {
    "go on": "",
    "deadline": "; the training hours are used up",
    "stopped": "; stopped as asked",
}


def finish(
    run: Run, workspace: Workspace, trained: tuple[Any, ChatTokenizer], end: tuple[StopReason, Position]
) -> Verdict:
    """Save the trained model and tokenizer as the job's result. Returns the verdict that goes with it."""
    model, tokenizer = trained
    reason, position = end
    clear_staging(workspace)
    staging = workspace.staging(run.attempt)
    kind = _save(run, model, tokenizer, staging)
    artifact = describe(staging, workspace.model.name, kind)
    verdict = Verdict(
        stage="train",
        attempt=run.attempt,
        result=RESULTS[reason],
        message=f"trained {position.step} of {position.total_steps} steps{REMARKS[reason]}",
        position=position,
        artifact=artifact,
    )
    check_fence(workspace.fence, run.attempt)
    put_in_place(workspace, staging, verdict, run.job)
    return verdict


def _save(run: Run, model: Any, tokenizer: Any, folder: Path) -> Literal["adapter", "model"]:  # noqa: ANN401 - library objects
    model.save_pretrained(os.fspath(folder))
    tokenizer.save_pretrained(os.fspath(folder))
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
    if not run.hyperparameters.lora.enabled:
        return "model"
    _name_base_model(folder / "adapter_config.json", run.model.name)
    return "adapter"


def _name_base_model(adapter_config: Path, name: str) -> None:
    """Say which model the adapter belongs to as the user does: the pod's path to it means nothing elsewhere."""
    config = json.loads(adapter_config.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = name
    adapter_config.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

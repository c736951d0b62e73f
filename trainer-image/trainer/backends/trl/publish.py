"""Stage publish: the adapter that a training left merged into its model, on CPU, and put in place as the job's model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.trl.model_folder import ADAPTER_CONFIG
from trainer.backends.trl.starting_point import starting_point
from trainer.contract.verdict import Verdict
from trainer.failures import Broken
from trainer.workspace.fence import check_fence, check_owner, take_fence
from trainer.workspace.finished import check_free, clear_staging, describe, finished_verdict, put_in_place
from trainer.workspace.jsonfile import read_json

if TYPE_CHECKING:
    from trainer.backends.trl.starting_point import StartingPoint
    from trainer.contract.run import Run
    from trainer.workspace.layout import Place, Workspace

OF_THE_ADAPTER: Final = (ADAPTER_CONFIG, "adapter_model.safetensors")
"""Files of an adapter that its merged model does not need; the others are the tokenizer's."""


def publish(run: Run, workspace: Workspace) -> Verdict:
    """Merge and put in place. May be cut off anywhere and done again.

    Broken (AdapterMissing) when the run has left no adapter; Interrupted when a newer attempt is here.
    """
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    take_fence(workspace.publish_fence, run.job, run.attempt)
    adapter = workspace.adapter_place
    if finished_verdict(adapter, run.job) is None:
        raise Broken("AdapterMissing", f"there is no finished adapter in {adapter.folder.name}/ of the output to merge")
    clear_staging(workspace)
    staging = workspace.staging("publish", run.attempt)
    start = starting_point(run)
    _merge(run, start, adapter, staging)
    artifact = describe(staging, workspace.model.name, "model")
    verdict = Verdict("publish", run.attempt, "completed", f"merged the adapter into {start.name}", artifact=artifact)
    check_fence(workspace.publish_fence, run.attempt)
    put_in_place(workspace.model_place, staging, verdict, run)
    return verdict


def _merge(run: Run, start: StartingPoint, adapter: Place, folder: Path) -> None:
    """Write the merged weights, as precise as the adapter was trained with, and the adapter's tokenizer."""
    # Heavy: after everything that may refuse the job.
    from peft import PeftModel  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # a pod's log is no terminal
    model = AutoModelForCausalLM.from_pretrained(
        os.fspath(start.weights),
        dtype=str(read_json(adapter.record).get("dtype", "auto")),
        local_files_only=True,
        trust_remote_code=run.model.trust_remote_code,
    )
    merged = PeftModel.from_pretrained(model, os.fspath(adapter.folder)).merge_and_unload(safe_merge=True)
    merged.save_pretrained(os.fspath(folder))
    for file in adapter.folder.iterdir():
        if file.name not in OF_THE_ADAPTER:
            shutil.copyfile(file, folder / file.name)

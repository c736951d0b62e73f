"""Stage publish of a policy: the adapter that a training left merged into its base, on CPU, and put in place as the model."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.finishing import INFERENCE
from trainer.backends.lerobot.setting_up import with_weights
from trainer.backends.lerobot.side_models import in_their_places, side_models
from trainer.backends.lerobot.start import ADAPTER_CONFIG, config_of
from trainer.contract.verdict import Verdict
from trainer.failures import Broken
from trainer.workspace.fence import check_fence, check_owner, take_fence
from trainer.workspace.finished import check_free, clear_staging, describe, finished_verdict, put_in_place

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace

OF_THE_ADAPTER: Final = (ADAPTER_CONFIG, "adapter_model.safetensors", "config.json", INFERENCE)
"""Files of an adapter that are not its merged policy's; the others are its processors', its card and its curve."""


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
    _merge(run, adapter.folder, staging)
    artifact = describe(staging, workspace.model.name, "model")
    message = f"merged the adapter into {run.model.name}"
    verdict = Verdict("publish", run.attempt, "completed", message, artifact=artifact)
    check_fence(workspace.publish_fence, run.attempt)
    put_in_place(workspace.model_place, staging, verdict, run)
    return verdict


def _merge(run: Run, adapter: Path, folder: Path) -> None:
    """Write the merged policy, with the adapter's processors and what else lies beside it."""
    # Heavy: after everything that may refuse the job.
    from lerobot.configs import PreTrainedConfig  # noqa: PLC0415
    from lerobot.policies.factory import get_policy_class  # noqa: PLC0415
    from peft import PeftModel  # noqa: PLC0415

    _, kind, start = with_weights(run)
    with in_their_places(side_models(run, kind, start)), tempfile.TemporaryDirectory() as own:
        # The adapter's configuration: its features are those that were trained, and the processors' too.
        Path(own, "config.json").write_text(json.dumps({**config_of(adapter), "use_peft": False}), encoding="utf-8")
        config = PreTrainedConfig.from_pretrained(own, cli_overrides=["--device=cpu"])
        config.pretrained_path = start.model
        policy = get_policy_class(kind.lerobot).from_pretrained(os.fspath(start.model or ""), config=config)
        merged = PeftModel.from_pretrained(policy, os.fspath(adapter)).merge_and_unload(safe_merge=True)
        merged.config.use_peft = False
        merged.config.pretrained_path = None
        merged.save_pretrained(folder)
    for file in adapter.iterdir():
        if file.name not in OF_THE_ADAPTER:
            shutil.copyfile(file, folder / file.name)
    told = json.loads((adapter / INFERENCE).read_text(encoding="utf-8"))
    (folder / INFERENCE).write_text(json.dumps({**told, "adapter": False}, indent=2) + "\n", encoding="utf-8")

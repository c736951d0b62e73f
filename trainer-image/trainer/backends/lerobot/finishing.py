"""The end of a policy's training: the checkpoint that is to be published, described and put in place."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.backbone import SETTING as BACKBONE
from trainer.backends.lerobot.inference import inference_configuration
from trainer.backends.lerobot.model_card import Told, model_card
from trainer.backends.lerobot.start import BODY, PRETRAINED, config_of, name_of_base, point_at, published_name
from trainer.failures import Broken
from trainer.recordings.camera_picture import put_camera_picture
from trainer.training.ending import remark_on_choice, verdict_of_training
from trainer.workspace.checkpoints import all_checkpoints, best_checkpoints
from trainer.workspace.fence import check_fence
from trainer.workspace.finished import clear_staging, describe, place_of_training, put_in_place
from trainer.workspace.metrics import read_metrics

if TYPE_CHECKING:
    from trainer.backends.lerobot.setting_up import Setup
    from trainer.contract.run import Run
    from trainer.contract.verdict import Position, Verdict
    from trainer.training.course import StopReason
    from trainer.workspace.checkpoints import Checkpoint
    from trainer.workspace.layout import Workspace

INFERENCE: Final = "inference.json"
CARD: Final = "README.md"
CURVE: Final = "loss.svg"
OF_THE_TRAINING: Final = "train_config.json"
"""LeRobot's file of a training's settings: paths of a pod, which mean nothing elsewhere."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What was trained, why that ended and where."""

    setup: Setup
    reason: StopReason
    position: Position


def finish(run: Run, workspace: Workspace, trained: Trained) -> Verdict:
    """Put the newest checkpoint's policy, or the best one's, in place as the job's result. Returns the verdict with it."""
    clear_staging(workspace)
    staging = workspace.staging("train", run.attempt)
    best = _best(run, workspace)
    chosen = best or _newest(run, workspace, trained.position.step)
    shutil.copytree(chosen.path / PRETRAINED, staging)
    _write_beside(run, workspace, trained, staging, chosen.step)
    place = place_of_training(workspace, run)
    artifact = describe(staging, place.folder.name, "adapter" if run.hyperparameters.lora.enabled else "model")
    verdict = verdict_of_training(run, trained.reason, trained.position)
    remark = remark_on_choice(run, best.step if best else None)
    verdict = dataclasses.replace(verdict, message=verdict.message + remark, artifact=artifact)
    check_fence(workspace.fence, run.attempt)
    put_in_place(place, staging, verdict, run)
    return verdict


def _write_beside(run: Run, workspace: Workspace, trained: Trained, folder: Path, step: int) -> None:
    """What belongs to a published policy beside its weights; and no path of this pod stays in it."""
    setup = trained.setup
    (folder / OF_THE_TRAINING).unlink(missing_ok=True)
    name = published_name(run.model) if setup.start.model is not None else None
    config = {**config_of(folder), "pretrained_path": name}
    if BACKBONE in config:
        # Its weights are among the policy's: a robot without the internet must not ask for them.
        config[BACKBONE] = None
    if Path(str(config.get(BODY, ""))).is_absolute():
        # LeRobot loads the makers' model first, wherever the policy is loaded.
        config[BODY] = published_name(run.model)
    _write(folder / "config.json", config)
    if run.hyperparameters.lora.enabled:
        point_at(folder, name_of_base(run, setup.start))
    _write(folder / INFERENCE, inference_configuration(run, setup, config))
    pictured = put_camera_picture(run, setup.cameras, folder)
    told = Told(step, list(read_metrics(workspace.metrics)), trained.position, trained.reason, pictured)
    card, curve = model_card(run, setup, told)
    (folder / CARD).write_text(card, encoding="utf-8")
    if curve:
        (folder / CURVE).write_text(curve, encoding="utf-8")


def _best(run: Run, workspace: Workspace) -> Checkpoint | None:
    """The checkpoint to publish instead of the last one, when the job wants the best and there is one."""
    if run.output.select != "best":
        return None
    return next(iter(best_checkpoints(workspace.checkpoints, 1, run.resume_from)), None)


def _newest(run: Run, workspace: Workspace, step: int) -> Checkpoint:
    """The checkpoint that every end of a training leaves."""
    found = (each for each in all_checkpoints(workspace.checkpoints, run.resume_from) if each.complete)
    newest = next((each for each in found if each.step <= step), None)
    if newest is None:
        raise Broken("CheckpointMissing", f"there is no complete checkpoint of step {step} to make the model of")
    return newest


def _write(file: Path, document: object) -> None:
    file.unlink(missing_ok=True)
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

"""A job of type reward: the reward model is its result, with the progress of its own dataset beside it."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.model_card import Told
from trainer.backends.lerobot.rewards.card import reward_card, reward_inference
from trainer.backends.lerobot.rewards.phase import Before, ensure_progress
from trainer.backends.lerobot.rewards.planned import PlannedReward
from trainer.backends.lerobot.rewards.sharing_work import Ended
from trainer.backends.lerobot.rewards.training import (
    RewardTraining,
    TrainedReward,
    newest_trained,
    train_reward_model,
)
from trainer.backends.lerobot.steering import Phase
from trainer.distributed.agreement import is_first, wait_for_all
from trainer.failures import Interrupted
from trainer.recordings.camera_picture import put_camera_picture
from trainer.recordings.cameras import cameras_of, plan_cameras
from trainer.recordings.policies import policy_of
from trainer.rewards.progress_file import FILE
from trainer.training.ending import remark_on_choice, verdict_of_training
from trainer.workspace.checkpoints import best_checkpoints
from trainer.workspace.fence import check_fence
from trainer.workspace.finished import clear_staging, describe, put_in_place
from trainer.workspace.jsonfile import read_json, write_json
from trainer.workspace.metrics import read_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.verdict import Verdict
    from trainer.recordings.cameras import CameraPlan

KEPT: Final = ("config.json", "*.safetensors", "policy_*.json")
"""Of a checkpoint's model; how it was trained names places of this pod."""


def reward_job(before: Before) -> Verdict:
    """Train, compute progress, and put the model in place; with `finish` the newest checkpoint's, and no progress."""
    run, course = before.run, before.course
    training = RewardTraining(
        planned=PlannedReward(run, before.gathered, before.recording),
        workspace=before.workspace,
        course=course,
        root=before.workspace.checkpoints,
        phase=Phase("reward"),
        aside=False,
    )
    trained = newest_trained(training, "stopped") if run.finish else train_reward_model(training)
    course.stopped_by = trained.reason
    # The hours are for the training: no budget cuts the progress off.
    computed = trained.reason != "stopped" and _has_progress(before, trained)
    course.clock.stop()
    course.turn_to("finishing")
    verdict = verdict_of_training(run, trained.reason, course.position)
    if is_first():
        verdict = _finish(before, trained, verdict, progress=computed)
    wait_for_all()
    return verdict


def _has_progress(before: Before, trained: TrainedReward) -> bool:
    """Whether the progress was computed: a job that is stopped meanwhile goes without."""
    try:
        ensure_progress(before, trained.folder, minds=("terminated", "stopped"))
    except Ended as ended:
        if ended.reason == "terminated":
            message = (
                f"asked to end by SIGTERM while progress was computed; checkpoint {trained.checkpoint.step} is complete"
            )
            raise Interrupted("Terminated", message) from ended
        print("the progress is left out: the job is stopped", flush=True)
        return False
    return True


def _finish(before: Before, trained: TrainedReward, verdict: Verdict, *, progress: bool) -> Verdict:
    run, workspace = before.run, before.workspace
    clear_staging(workspace)
    staging, place = workspace.staging("train", run.attempt), workspace.model_place
    best = (
        next(iter(best_checkpoints(workspace.checkpoints, 1, run.resume_from)), None) if _wants_best(before) else None
    )
    source = best.path / "pretrained_model" if best else trained.folder
    _copy(source, staging)
    if progress:
        shutil.copyfile(before.places.progress.path, staging / FILE)
    metrics, pictured = list(read_metrics(workspace.metrics)), put_camera_picture(run, _cameras(before), staging)
    step = best.step if best else trained.checkpoint.step
    told = Told(step, metrics, before.course.position, trained.reason, pictured)
    _write_beside(before, staging, told, progress=progress)
    artifact = describe(staging, place.folder.name, "model")
    remark = remark_on_choice(run, best.step if best else None)
    verdict = dataclasses.replace(verdict, message=verdict.message + remark, artifact=artifact)
    check_fence(workspace.fence, run.attempt)
    put_in_place(place, staging, verdict, run)
    return verdict


def _write_beside(before: Before, folder: Path, told: Told, *, progress: bool) -> None:
    card, picture = reward_card(before.run, before.recording, told, progress=progress)
    (folder / "README.md").write_text(card, encoding="utf-8")
    if picture:
        (folder / "loss.svg").write_text(picture, encoding="utf-8")
    write_json(folder / "inference.json", reward_inference(before.run, before.recording))


def _cameras(before: Before) -> CameraPlan:
    """The one that the model looks at, in the words of stage prepare."""
    policy = policy_of(before.run.model)
    if policy is None:
        raise AssertionError(before.run.model.type)  # check_abilities lets no other pass
    return plan_cameras(cameras_of(before.run, policy), policy, before.recording)


def _wants_best(before: Before) -> bool:
    return before.run.output.select == "best"


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for pattern in KEPT:
        for path in source.glob(pattern):
            shutil.copyfile(path, target / path.name)
    # Where a training went on from is a place of this pod.
    write_json(target / "config.json", {**read_json(target / "config.json"), "pretrained_path": None})

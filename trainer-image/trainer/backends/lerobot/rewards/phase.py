"""What comes before a policy that is weighted: the reward model, then the progress of all frames. Each is made once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.backends.lerobot.rewards.checking import chunk_of
from trainer.backends.lerobot.rewards.clip import find_clip
from trainer.backends.lerobot.rewards.places import RewardPlaces
from trainer.backends.lerobot.rewards.planned import PlannedReward, gathered_recording
from trainer.backends.lerobot.rewards.progress import Question, compute_progress
from trainer.backends.lerobot.rewards.sharing_work import ENDS, Ended, end_without_policy, first_works
from trainer.backends.lerobot.rewards.steps_aside import begin_progress
from trainer.backends.lerobot.rewards.training import RewardTraining, train_reward_model
from trainer.backends.lerobot.rewards.weighting import weight_warnings
from trainer.backends.lerobot.steering import Phase
from trainer.contract.robots import Reward
from trainer.distributed.agreement import is_first, wait_for_all
from trainer.rewards.hyperparameters import reward_hyperparameters, reward_run
from trainer.rewards.model_folder import read_reward_model
from trainer.rewards.progress_file import check_missing, check_progress
from trainer.rewards.ways import head_to_weigh, heads_to_compute, way_of
from trainer.workspace.digest import digest_of
from trainer.workspace.durability import make_readable, sync, sync_tree
from trainer.workspace.fence import check_fence

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from trainer.contract.run import Run
    from trainer.recordings.gathering import Gathered
    from trainer.recordings.recording import Recording
    from trainer.training.course import Course, StopReason
    from trainer.workspace.layout import Workspace
    from trainer.workspace.marker import Mark


@dataclass(frozen=True, slots=True)
class Before:
    """One attempt's part before the policy: `recording` is the gathered dataset, as it is trained on."""

    run: Run
    workspace: Workspace
    course: Course
    gathered: Gathered
    recording: Recording

    @property
    def reward(self) -> Reward:
        """What the job says about rewards."""
        return self.run.reward or Reward()

    @property
    def places(self) -> RewardPlaces:
        """Where it is kept."""
        return RewardPlaces.of(self.workspace)


def before_policy(run: Run, workspace: Workspace, course: Course, gathered: Gathered) -> Before:
    """What an attempt has, with the gathered dataset read."""
    return Before(run, workspace, course, gathered, gathered_recording(run, gathered))


def reward_phase(before: Before) -> None:
    """Have the progress ready that the policy's samples are weighted by, from where an earlier attempt left it.

    Nothing to do where none is weighted, or the progress is given. Ends by Interrupted, or by UserError (HoursTooFew,
    NoCheckpoint) when the job ends before the policy made a step.
    """
    way = way_of(before.run)
    if way in {"none", "file"}:
        return
    model = Path(before.reward.model_path) if way == "model" else _own_model(before)
    try:
        ensure_progress(before, model)
    except Ended as ended:
        end_without_policy(ended.reason, "while the progress of the frames was computed")
    if is_first():
        for warning in weight_warnings(before.places.progress.path, before.reward, chunk_of(before.run)):
            print(f"warning: {warning}", flush=True)
    wait_for_all()


def policy_phase(run: Run, workspace: Workspace) -> Phase:
    """The policy's part of the hours: what is left when its progress is ready."""
    mark = mark_before_policy(run, workspace)
    used = mark.training_seconds if mark and mark.run == run.number else 0.0
    return Phase(begins=min(0.99, used / run.limits.training_seconds))


def mark_before_policy(run: Run, workspace: Workspace) -> Mark | None:
    """The seconds that the phases before the policy used, which are no waste; None: there were no such phases."""
    return RewardPlaces.of(workspace).progress.mark if way_of(run) in {"train", "model"} else None


def ensure_progress(before: Before, model: Path, minds: Collection[StopReason] = ENDS) -> None:
    """The progress of all frames by `model`, computed now if it was not before.

    Ended when the job ends meanwhile for a reason that is minded.
    """
    run, places, course = before.run, before.places, before.course
    made_of = _made_of(before, model)
    if _all_see(seen=places.progress.is_there(run, made_of)):
        return
    if way_of(run) == "train" and run.job_type != "reward":
        course.goes_on_from(places.model.mark)
    begin_progress(run, course)
    course.turn_to("evaluation")
    first_works(course, lambda goes_on: _compute(before, model, made_of, goes_on), minds)
    course.turn_to("loading")


def put_model_in_place(source: Path, target: Path, fence: tuple[Path, int]) -> None:
    """Copy a model's folder to `target`, by one rename; what lies there and does not count goes."""
    staging = target.with_name(f".{target.name}-of-{fence[1]}")
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(source, staging)
    for path in (staging, *staging.rglob("*")):
        make_readable(path)
    sync_tree(staging)
    check_fence(*fence)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    sync(target.parent)


def _own_model(before: Before) -> Path:
    """The reward model of this job, trained now if it was not before."""
    run, places = before.run, before.places
    training = RewardTraining(
        planned=PlannedReward(reward_run(run), before.gathered, before.recording),
        workspace=before.workspace,
        course=before.course,
        root=places.checkpoints,
        phase=Phase("reward", 0.0, before.reward.hours_share, metric="reward", last=False),
        aside=True,
    )
    if _all_see(seen=places.model.is_there(run, training.planned.method)):
        print(f"the reward model is there: {dict(places.model.read()).get('steps')} steps", flush=True)
        return places.model.path
    trained = train_reward_model(training)
    if trained.reason == "stopped" or before.course.reading.used_up:
        end_without_policy(
            "stopped" if trained.reason == "stopped" else "deadline", "while the reward model was trained"
        )
    if is_first():
        put_model_in_place(trained.folder, places.model.path, (before.workspace.fence, run.attempt))
        told = {"steps": trained.checkpoint.step, "endedBy": trained.reason}
        places.model.is_made(run, before.course, training.planned.method, told)
        print(f"the reward model is complete after {trained.checkpoint.step} steps", flush=True)
    wait_for_all()
    return places.model.path


def _compute(before: Before, model: Path, made_of: Mapping[str, object], goes_on: Callable[[], None]) -> None:
    run, places, reward = before.run, before.places, before.reward
    given = read_reward_model(model)
    question = Question(
        model=given.path,
        dataset=before.gathered.root,
        clip=find_clip(run),
        head_mode=heads_to_compute(reward.head_mode, given.heads),
        stride=reward_hyperparameters(run).stride,
        frames=before.recording.frames,
        device="cuda" if run.hardware.gpus else "cpu",
    )
    print(f"the progress of {question.frames} frames is computed ({question.head_mode})", flush=True)
    failed = compute_progress(question, places.progress.path, (before.workspace.fence, run.attempt), goes_on)
    lengths = [episode.length for episode in before.recording.episodes]
    progress = check_progress(places.progress.path, reward.head_mode, lengths)
    for warning in check_missing(progress, head_to_weigh(reward.head_mode), failed * question.stride):
        print(f"warning: {warning}", flush=True)
    told = {"failedFrames": failed, "frames": progress.rows, "heads": list(progress.heads)}
    places.progress.is_made(run, before.course, made_of, told)


def _made_of(before: Before, model: Path) -> Mapping[str, object]:
    """By what the progress is known: another model, dataset, head or stride makes another one."""
    weights = read_reward_model(model).path / "model.safetensors"
    return {
        "model": digest_of({"model.safetensors": weights}),
        "dataset": before.gathered.root.name,
        "frames": before.recording.frames,
        "headMode": before.reward.head_mode,
        "stride": reward_hyperparameters(before.run).stride,
    }


def _all_see(*, seen: bool) -> bool:
    """What the first process sees of the volume, in all of them."""
    from torch import distributed  # noqa: PLC0415 - only where there are several

    if not (distributed.is_available() and distributed.is_initialized()):
        return seen
    shared = [seen]
    distributed.broadcast_object_list(shared, src=0)
    return shared[0]

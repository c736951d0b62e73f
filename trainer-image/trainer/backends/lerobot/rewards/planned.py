"""What is planned of a reward model's training, before torch is there: its method, its steps, its arguments."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.arguments import NEVER, workers_of
from trainer.backends.lerobot.planning import StepPlan, plan_steps
from trainer.backends.lerobot.rewards.sarm_arguments import reward_extra, sarm_arguments
from trainer.contract.robots import Reward
from trainer.failures import UserError
from trainer.recordings.reading import read_recording
from trainer.rewards.image_key import reward_image_key
from trainer.workspace.marker import read_mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.recordings.gathering import Gathered
    from trainer.recordings.recording import Recording
    from trainer.workspace.checkpoints import Checkpoint

RISE: Final = 0.01
"""Of SARM's own schedule, in which its learning rate rises: 500 of 50,000 steps."""


@dataclass(frozen=True, slots=True)
class PlannedReward:
    """`run` is of job type reward; `recording` is the gathered dataset, as it is trained on."""

    run: Run
    gathered: Gathered
    recording: Recording

    @property
    def method(self) -> Mapping[str, object]:
        """What cannot change while the training goes on from a checkpoint."""
        mode = (self.run.reward or Reward()).annotation_mode
        key = reward_image_key(self.run, self.recording.image_keys)
        return {"annotationMode": mode, "imageKey": key, "extra": dict(reward_extra(self.run))}

    @property
    def frames(self) -> int:
        """Those that are trained on."""
        episodes, chosen = self.recording.episodes, self.gathered.train_episodes
        return sum(episodes[index].length for index in (range(len(episodes)) if chosen is None else chosen))

    @property
    def says_rise(self) -> bool:
        """Whether the job says how long the learning rate rises."""
        given = self.run.hyperparameters
        return given.warmup_steps is not None or "warmupRatio" in given.said

    def plan(self) -> StepPlan:
        """How many steps of which size; of a job that names neither steps nor epochs, as many as its hours hold.

        Steps that nobody chose, those of a reward model before a policy, are an upper bound: the learning rate falls with
        them or with the hours, whichever is further.
        """
        plan, given = plan_steps(self.run, self.frames), self.run.hyperparameters
        schedule = plan.schedule
        if not self.says_rise:
            schedule = dataclasses.replace(schedule, warmup_steps=math.ceil(RISE * schedule.decay_steps))
        if "steps" not in given.said:
            schedule = dataclasses.replace(schedule, follows_hours=True)
        return dataclasses.replace(plan, schedule=schedule)

    def check_method(self, checkpoint: Checkpoint) -> None:
        """UserError (MethodChanged) when the checkpoint is of another method."""
        marked, own = read_mark(checkpoint.path).method, self.method
        changed = next((name for name in own if marked and marked.get(name) != own[name]), None)
        if changed is not None:
            raise UserError(
                "MethodChanged",
                f"checkpoint {checkpoint.step} of the reward model cannot be gone on from: {changed} was"
                f" {marked.get(changed)!r} when it was taken, and is {own[changed]!r} now",
                param="spec.reward",
                advice="To train anew, set restartFrom: scratch and raise restartGeneration; to go on, set it back.",
            )

    def arguments(self, nowhere: Path, checkpoint: Checkpoint | None = None) -> list[str]:
        """All that LeRobot is told. `nowhere` must not exist: LeRobot insists, and nothing is written there."""
        run, gathered, plan = self.run, self.gathered, self.plan()
        device = "cuda" if run.hardware.gpus else "cpu"
        config = checkpoint.path / "pretrained_model" / "train_config.json" if checkpoint else None
        return [
            "--dataset.repo_id=local/recordings",
            f"--dataset.root={gathered.root}",
            *([f"--dataset.episodes={list(gathered.train_episodes)}"] if gathered.train_episodes is not None else []),
            f"--dataset.image_transforms.enable={json.dumps(run.hyperparameters.image_augmentation)}",
            *sarm_arguments(run, self.recording.image_keys, device),
            f"--batch_size={plan.rows}",
            f"--steps={plan.total_steps or NEVER}",
            f"--seed={run.hyperparameters.seed}",
            f"--num_workers={workers_of(run)}",
            f"--log_freq={plan.log_every * 10}",
            *("--save_freq=0", "--eval_steps=0", "--env_eval_freq=0"),
            f"--output_dir={nowhere}",
            *(["--resume=true", f"--config_path={config}"] if config else []),
        ]


def planned_reward(run: Run, gathered: Gathered) -> PlannedReward:
    """The plan of a run of job type reward, with the gathered dataset read."""
    return PlannedReward(run, gathered, gathered_recording(run, gathered))


def gathered_recording(run: Run, gathered: Gathered) -> Recording:
    """The dataset as it was gathered, all of its episodes."""
    train = next(each for each in run.datasets if each.split == "train")
    return read_recording(dataclasses.replace(train, path=gathered.root, episodes=""))

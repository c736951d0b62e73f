"""All that a policy's training starts with, found and checked in the same way in the stages prepare and train."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainer.backends.lerobot.abilities import check_abilities
from trainer.backends.lerobot.arguments import Setting, workers_of
from trainer.backends.lerobot.backbone import fetched_backbone
from trainer.backends.lerobot.decoding import check_decoder, decoder
from trainer.backends.lerobot.planning import StepPlan, method_of_policy, plan_steps
from trainer.backends.lerobot.side_models import side_models
from trainer.backends.lerobot.start import model_to_plan_with, start_of
from trainer.recordings.cameras import plan_cameras
from trainer.recordings.frames_ahead import FramesAhead, frame_bytes
from trainer.recordings.gathering import gather
from trainer.recordings.policies import policy_of
from trainer.recordings.reading import read_recording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.backends.lerobot.kinds import Kind
    from trainer.backends.lerobot.start import Start
    from trainer.contract.run import Run
    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.gathering import Gathered
    from trainer.recordings.recording import Recording
    from trainer.workspace.layout import Workspace


@dataclass(frozen=True, slots=True)
class Setup:
    """What is trained, on what, from where. `recording` is the gathered dataset; `frames` are those trained on.

    `backbone` is the file of the weights that a policy's eyes start from, where a job names such.
    """

    kind: Kind
    start: Start
    gathered: Gathered
    recording: Recording
    cameras: CameraPlan
    frames: int
    sides: Mapping[str, Path]
    backbone: Path | None = None

    @property
    def train_episodes(self) -> tuple[int, ...]:
        """The episodes of the gathered dataset that are trained on."""
        return recording_episodes(self.recording, self.gathered)

    def plan(self, run: Run) -> StepPlan:
        """How many steps of which size."""
        return plan_steps(run, self.frames)

    def setting(self, plan: StepPlan, base: Path | None, backbone: str | None) -> Setting:
        """All of it in one, for LeRobot's arguments; `base` is the folder that it is given."""
        return Setting(
            kind=self.kind,
            base=base,
            gathered=self.gathered,
            recording=self.recording,
            cameras=self.cameras,
            episodes=self.train_episodes,
            schedule=plan.schedule,
            rows=plan.rows,
            total_steps=plan.total_steps,
            log_every=plan.log_every,
            backbone=backbone,
            body=self.start.body,
        )

    def method(self, run: Run) -> dict[str, object]:
        """For the markers of checkpoints."""
        return method_of_policy(run, self.kind, continued=self.start.adapter)


def with_weights(run: Run) -> tuple[Run, Kind, Start]:
    """The run with the model that its weights are of, after all that can be refused without looking at data."""
    kind = check_abilities(run)
    check_decoder(run.hyperparameters.extra, decoder())
    start = start_of(run, kind)
    return replace(run, model=model_to_plan_with(run, start)), kind, start


def set_up(run: Run, workspace: Workspace) -> Setup:
    """Find everything; data that must be made are made, or found as they were made. UserError names what is to blame."""
    planned, kind, start = with_weights(run)
    gathered = gather(planned, workspace)
    first = next(each for each in planned.datasets if each.split == "train")
    policy = policy_of(planned.model)
    if policy is None:
        raise AssertionError(run.model.type)  # check_abilities lets no other pass
    cameras = plan_cameras(planned.cameras, policy, read_recording(first))
    recording = read_recording(replace(first, path=gathered.root))
    chosen = set(recording_episodes(recording, gathered))
    frames = sum(each.length for each in recording.episodes if each.index in chosen)
    sides, backbone = side_models(run, kind, start), fetched_backbone(run, kind)
    return Setup(kind, start, gathered, recording, cameras, frames, sides, backbone)


def frames_ahead(run: Run, setup: Setup) -> FramesAhead:
    """The decoded frames that wait in a pod's memory, as this run's hardware has them fetched."""
    given = run.hyperparameters.extra.get("num_workers")
    workers = given if isinstance(given, int) else workers_of(run)
    return FramesAhead(frame_bytes(setup.recording), setup.plan(run).rows, workers, run.hardware.processes_per_node)


def recording_episodes(recording: Recording, gathered: Gathered) -> tuple[int, ...]:
    """The episodes of the gathered dataset that are trained on."""
    if gathered.train_episodes is not None:
        return gathered.train_episodes
    held_out = set(gathered.validation_episodes)
    return tuple(each.index for each in recording.episodes if each.index not in held_out)

"""The stages of a job of type reward."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from trainer.backends.lerobot.abilities import check_abilities
from trainer.backends.lerobot.planning import hours_alone
from trainer.backends.lerobot.rewards.checking import check_reward
from trainer.backends.lerobot.rewards.rehearsing import rehearse_reward
from trainer.backends.preparation import prepare_first
from trainer.contract.report import MOST_WARNINGS
from trainer.contract.verdict import Verdict
from trainer.recordings.gathering import gather
from trainer.recordings.preflight import check_recordings
from trainer.training.plan import make_plan, warnings_of
from trainer.training.tracker_keys import check_tracker_keys
from trainer.workspace.fence import check_owner
from trainer.workspace.finished import check_free
from trainer.workspace.writable import check_writable

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace


def prepare(run: Run, workspace: Workspace) -> Verdict:
    """Check everything, gather the dataset, and report; UserError names the field that is to blame."""
    check_abilities(run)
    check_tracker_keys(run.integrations, os.environ)
    check_writable(workspace)
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    preflight = check_recordings(run)
    warnings = (*check_reward(run, preflight.train), *preflight.warnings)
    rehearse_reward(run, workspace, gather(run, workspace))
    warnings += _of_the_plan(run, preflight.report.frames)
    report = dataclasses.replace(preflight.report, warnings=warnings[:MOST_WARNINGS])
    message = f"{report.episodes} episodes of {report.frames} frames are ready for a reward model"
    return Verdict(stage="prepare", attempt=run.attempt, result="completed", message=message, report=report)


def train(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Train the reward model and put it in place. Ends early by UserError, Broken, OutOfMemory or Interrupted."""
    # Torch takes seconds to import: stage prepare does without.
    from trainer.backends.lerobot.rewards.job import reward_job  # noqa: PLC0415
    from trainer.backends.lerobot.rewards.phase import before_policy  # noqa: PLC0415
    from trainer.distributed.meeting import together  # noqa: PLC0415
    from trainer.training.devices import check_hardware  # noqa: PLC0415

    check_abilities(run)
    check_hardware(run)
    prepares = prepare_first(run, workspace, prepare)
    course.sign()
    with together(course.sign, prepares=prepares):
        return reward_job(before_policy(run, workspace, course, gather(run, workspace)))


def _of_the_plan(run: Run, frames: int) -> tuple[str, ...]:
    given = run.hyperparameters
    if given.steps is None and given.epochs is None:
        return (hours_alone(run),)
    plan = make_plan(given, frames, run.hardware)
    return warnings_of(plan) if plan else ()

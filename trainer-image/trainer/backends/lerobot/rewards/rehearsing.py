"""What would end a reward model's training on the GPU before its first step, tried on CPU in stage prepare."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trainer.backends.lerobot.parsing import parsed
from trainer.backends.lerobot.planning import TRIED_BATCH
from trainer.backends.lerobot.rewards.places import RewardPlaces
from trainer.backends.lerobot.rewards.planned import PlannedReward, planned_reward
from trainer.failures import UserError
from trainer.rewards.hyperparameters import reward_run
from trainer.rewards.ways import way_of
from trainer.workspace.checkpoints import all_checkpoints

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.recordings.gathering import Gathered
    from trainer.workspace.layout import Workspace


def rehearse_reward(run: Run, workspace: Workspace, gathered: Gathered) -> None:
    """Let LeRobot parse what it will be told, and hold the method against the newest checkpoint; nothing where none is trained.

    UserError (HyperparameterUnsupported, MethodChanged) with the field of the job in which it was written.
    """
    if way_of(run) != "train":
        return
    try:
        _rehearse(planned_reward(_sized(reward_run(run)), gathered), workspace, alone=run.job_type == "reward")
    except UserError as error:
        if run.job_type == "reward":
            raise
        param = error.param.replace("spec.hyperparameters", "spec.reward.hyperparameters")
        raise UserError(error.code, f"the reward model: {error.message}", param=param, advice=error.advice) from error


def _rehearse(planned: PlannedReward, workspace: Workspace, *, alone: bool) -> None:
    places = RewardPlaces.of(workspace)
    parsed(planned.arguments(workspace.root / ".lerobot"))
    if not alone and places.model.is_there(planned.run, planned.method):
        return
    root = workspace.checkpoints if alone else places.checkpoints
    complete = (each for each in all_checkpoints(root, planned.run.resume_from) if each.complete)
    newest = next(complete, None)
    if newest is not None:
        planned.check_method(newest)


def _sized(run: Run) -> Run:
    given = run.hyperparameters
    if given.batch_size is not None:
        return run
    return replace(run, hyperparameters=replace(given, batch_size=TRIED_BATCH * run.hardware.processes))

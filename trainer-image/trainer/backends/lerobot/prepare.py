"""Stage prepare of a policy: data, cameras, base model and settings looked at, and data made ready. On CPU."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.backends.lerobot.adapters import check_targets
from trainer.backends.lerobot.arguments import policy_arguments
from trainer.backends.lerobot.backbone import backbone_of
from trainer.backends.lerobot.building import check_built
from trainer.backends.lerobot.parsing import parsed
from trainer.backends.lerobot.planning import TRIED_BATCH, plan_warnings, warmup_warnings
from trainer.backends.lerobot.rewards.checking import check_reward
from trainer.backends.lerobot.rewards.rehearsing import rehearse_reward
from trainer.backends.lerobot.setting_up import Setup, frames_ahead, set_up, with_weights
from trainer.backends.lerobot.side_models import in_their_places
from trainer.backends.lerobot.start import staged
from trainer.backends.lerobot.xvla import NAME, warnings_of_xvla
from trainer.contract.verdict import Verdict
from trainer.recordings.findings import add_to_findings
from trainer.recordings.preflight import check_recordings
from trainer.recordings.room import Checkpoints, bytes_of, check_checkpoints, free_bytes
from trainer.training.method import check_method
from trainer.training.tracker_keys import check_tracker_keys
from trainer.workspace.checkpoints import all_checkpoints
from trainer.workspace.fence import check_owner
from trainer.workspace.finished import check_free
from trainer.workspace.marker import read_mark
from trainer.workspace.soundness import read_safetensors_header
from trainer.workspace.writable import check_writable

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace


def prepare(run: Run, workspace: Workspace) -> Verdict:
    """Check everything, make the data ready and report; UserError names the field that is to blame."""
    planned, _, _ = with_weights(run)
    check_tracker_keys(run.integrations, os.environ)
    check_writable(workspace)
    check_owner(workspace.fence, run.job)
    check_free(workspace, run)
    preflight = check_recordings(planned)
    report = preflight.report
    rewards = check_reward(planned, preflight.train)
    setup = set_up(run, workspace)
    check_targets(run.hyperparameters.lora, setup.start.model, run.model.name)
    rehearse_reward(run, workspace, setup.gathered)
    _check_restart(run, workspace, setup)
    parameters = _parameters(setup)
    room = _check_room(run, workspace, setup, parameters)
    warnings = (*room, *rewards, *_parse(run, setup), *_of_xvla(run, setup), *report.warnings)
    report = replace(report, parameters=parameters, warnings=warnings)
    return Verdict(
        stage="prepare",
        attempt=run.attempt,
        result="completed",
        message=f"{report.episodes} episodes with {report.frames} frames are ready",
        report=report,
    )


def _check_room(run: Run, workspace: Workspace, setup: Setup, parameters: int) -> tuple[str, ...]:
    """What checkpoints need on the volume and frames in memory, kept with the numbers; warnings when it is too much."""
    free = free_bytes(workspace.root)
    numbers: dict[str, object] = {"freeBytes": free}
    warning = ""
    if parameters and not run.hyperparameters.lora.enabled:
        rules = run.checkpoints
        weight = 2 if setup.kind.precise and run.hyperparameters.precision != "fp32" else 4
        need = Checkpoints(parameters, weight, rules.keep_last + rules.keep_best)
        numbers |= {"leastCheckpointBytes": need.least, "mostCheckpointsBytes": need.most}
        warning = check_checkpoints(need, free)
    if setup.gathered.root.is_relative_to(workspace.root / "recordings"):
        numbers["gatheredBytes"] = bytes_of(setup.recording)
    add_to_findings(workspace.root, "disk", numbers)
    if run.hyperparameters.batch_size is not None:
        # How many of them wait at once follows from the hardware of stage train, which tells.
        add_to_findings(workspace.root, "memory", {"batchBytes": frames_ahead(run, setup).batch_bytes})
    return (warning,) if warning else ()


def _parse(run: Run, setup: Setup) -> tuple[str, ...]:
    """Let LeRobot parse what it will be told, and make the policy. Returns what should be known about the plan."""
    sized = run.hyperparameters.batch_size is not None
    tried = run if sized else replace(run, hyperparameters=replace(run.hyperparameters, batch_size=_smallest(run)))
    plan, (backbone, said) = setup.plan(tried), backbone_of(run, setup.kind)
    with tempfile.TemporaryDirectory() as folder, in_their_places(setup.sides):
        setting = setup.setting(plan, staged(setup.start, Path(folder, "start")), backbone)
        check_built(parsed(policy_arguments(tried, setting, Path(folder, "nowhere"))), setup.gathered.root, setup.start)
    return (*said, *warmup_warnings(run, setup.kind), *(plan_warnings(tried, plan, setup.kind) if sized else ()))


def _of_xvla(run: Run, setup: Setup) -> tuple[str, ...]:
    if setup.kind.lerobot != NAME:
        return ()
    return warnings_of_xvla(run, setup.start.folder, setup.cameras, setup.recording.action_dim)


def _smallest(run: Run) -> int:
    return TRIED_BATCH * run.hardware.processes


def _parameters(setup: Setup) -> int:
    """Weights of the base model; 0 when there is none."""
    folder, total = setup.start.model, 0
    for file in folder.glob("*.safetensors") if folder else ():
        if not file.name.startswith("policy_"):  # the processors' statistics
            for tensor in read_safetensors_header(file).values():
                shape, count = tensor.get("shape"), 1
                for length in shape if isinstance(shape, list) else ():
                    count *= int(length)
                total += count
    return total


def _check_restart(run: Run, workspace: Workspace, setup: Setup) -> None:
    """UserError when the newest checkpoint is one that the training could not go on from."""
    complete = (each for each in all_checkpoints(workspace.checkpoints, run.resume_from) if each.complete)
    newest = next(complete, None)
    if newest is not None:
        check_method(setup.method(run), newest.step, read_mark(newest.path).method)

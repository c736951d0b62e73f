"""A run whose models and data all have a path: what lies elsewhere is fetched."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.failures import UserError
from trainer.signs import FOLDER, own_signs
from trainer.transfer.fetched import PINS, Shelf, shelf_root
from trainer.transfer.fetching import Means, fetch
from trainer.transfer.publishing import check_destination
from trainer.transfer.wants import wants_of, with_masked_places
from trainer.workspace.fence import check_owner

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace


def localised(run: Run, workspace: Workspace) -> Run:
    """The run with a path for everything that it needs in its stage.

    UserError names the field of what cannot be had, or of an output that cannot be published to; Broken when a server
    cannot be reached. What was fetched before is found again without the network.
    """
    wants = dict(wants_of(run))
    if wants or run.stage in {"prepare", "train"}:
        # Not a byte is fetched into the place of another job, or for a model that could not be handed over.
        check_owner(workspace.fence, run.job)
        check_destination(run, workspace, os.environ)
    if not wants:
        return with_masked_places(run)
    means = means_of(run, workspace, os.environ)
    try:
        paths = {slot: fetch(want, means).path for slot, want in wants.items()}
    except OSError as error:
        raise UserError(
            "OutputNotWritable",
            f"what is fetched cannot be kept: {error.strerror}",
            param="spec.output",
            advice="The volume must allow writing for the pod's user or fsGroup, and have space left.",
        ) from error
    sampled = {slot for slot, want in wants.items() if want.sample_of is not None}
    return with_masked_places(_with_paths(run, paths, sampled))


def means_of(run: Run, workspace: Workspace, environment: Mapping[str, str]) -> Means:
    """With what this process fetches."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    folder = environment.get(FOLDER)
    return Means(
        shelf=Shelf(shelf_root(run.cache, workspace.root, mounts), workspace.root / PINS),
        environment=environment,
        signs=own_signs(Path(folder) if folder else None, environment),
    )


def _with_paths(run: Run, paths: Mapping[str, Path], sampled: Collection[str]) -> Run:
    model, reward = run.model, run.reward
    if "model" in paths:
        model = dataclasses.replace(model, path=paths["model"])
    if model.from_checkpoint is not None and "checkpoint" in paths:
        source = dataclasses.replace(model.from_checkpoint, path=paths["checkpoint"])
        model = dataclasses.replace(model, from_checkpoint=source)
    if reward is not None and "reward model" in paths:
        reward = dataclasses.replace(reward, model_path=str(paths["reward model"]))
    if reward is not None and "reward progress" in paths:
        reward = dataclasses.replace(reward, progress_path=str(paths["reward progress"]))
    datasets = tuple(
        dataclasses.replace(
            dataset, path=paths.get(f"dataset {index}", dataset.path), sampled=f"dataset {index}" in sampled
        )
        for index, dataset in enumerate(run.datasets)
    )
    return dataclasses.replace(run, model=model, reward=reward, datasets=datasets)

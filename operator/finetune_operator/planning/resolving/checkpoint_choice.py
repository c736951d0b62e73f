"""Where the weights lie that a job goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import CheckpointSource
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.rejection import Rejection

PARAM: Final = "spec.model.fromCheckpoint.job"


def choose_checkpoint(source: CheckpointSource | None, workspaces: Mapping[str, str]) -> str | Rejection | None:
    """The URI of the weights: as given, or the workspace of the job that is named. None when none are asked for.

    Which checkpoint of a workspace is taken, and whether there is one, only the trainer sees.
    """
    if source is None or source.job is None:
        return source.uri if source else None
    if found := workspaces.get(source.job):
        return found
    hint = did_you_mean(source.job, workspaces)
    message = (
        f"{PARAM}: no other FineTuneJob is named {source.job!r} in this namespace{hint}; weights of a job that is gone "
        "are given by uri"
    )
    return Rejection(Reason.UNKNOWN_MODEL, message, PARAM, may_mend=True)

"""The run document: what one attempt is asked to do, as ``trainer-image/contract/run.schema.json`` says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.model import Json
from finetune_operator.api.status import Resolved, ResolvedDataset, ResolvedHyperparameters, Stage
from finetune_operator.planning.job import Job
from finetune_operator.planning.quantity import cores

WORKSPACE: Final = "/workspace"
CLAIMS: Final = "/inputs/claims"
CONFIG_MAPS: Final = "/inputs/configmaps"
PREPARE_CPU: Final = "1"
"""What the check of model and data may use, whatever the instance type has."""
GRACE_SECONDS: Final[Mapping[Stage, int]] = {"prepare": 10, "train": 120}
"""Between SIGTERM and SIGKILL: training needs the time of a step and a checkpoint."""
SAVE_EVERY_SECONDS: Final = 1800
KEEP_CHECKPOINTS: Final = 2


@dataclass(frozen=True)
class Run:
    """One attempt of one stage of a job whose choices are all made."""

    job: Job
    resolved: Resolved
    stage: Stage
    attempt: int


def run_document(run: Run) -> Json:
    """The run document of one attempt."""
    job, spec = run.job, run.job.spec
    return {
        "contractVersion": 1,
        "stage": run.stage,
        "job": {"namespace": job.namespace, "name": job.name, "uid": job.uid},
        "attempt": run.attempt,
        "jobType": spec.job_type,
        "model": _model(run),
        "datasets": [_dataset(dataset) for dataset in run.resolved.datasets],
        "hyperparameters": _hyperparameters(run.resolved.hyperparameters),
        "hardware": _hardware(run),
        "limits": {"trainingSeconds": job.hours * 3600, "graceSeconds": GRACE_SECONDS[run.stage]},
        "checkpoints": {"everySeconds": SAVE_EVERY_SECONDS, "keepLast": KEEP_CHECKPOINTS},
        "paths": {"workspace": WORKSPACE},
    }


def run_json(run: Run) -> str:
    """The run document as text, always the same for the same run."""
    return json.dumps(run_document(run), sort_keys=True, ensure_ascii=False)


def mounted_path(uri: str) -> str | None:
    """Where the pod finds what a URI names; None for what the trainer must fetch."""
    match uris.parse(uri):
        case uris.ClaimPath(claim, path):
            return f"{CLAIMS}/{claim}/{path}".rstrip("/")
        case uris.ConfigMapKey(name, key):
            return f"{CONFIG_MAPS}/{name}/{key}"
        case _:
            return None


def _model(run: Run) -> Json:
    """Name and place, as the job gave the name."""
    model, given = run.resolved.model, run.job.spec.model.name
    uri = model.uri if model else given
    document: Json = {"name": given or (model.name if model else "")}
    return document | _place(uri) if uri else document


def _dataset(dataset: ResolvedDataset) -> Json:
    return {"name": dataset.name, "split": dataset.split, "uri": dataset.uri} | _place(dataset.uri)


def _place(uri: str) -> Json:
    path = mounted_path(uri)
    return {"path": path} if path else {"uri": uri}


def _hyperparameters(resolved: ResolvedHyperparameters) -> Json:
    """As resolved. The contract always wants epochs; given steps override them."""
    wire = resolved.wire()
    return wire if "epochs" in wire else {"epochs": 1, **wire}


def _hardware(run: Run) -> Json:
    """What the pod gets, as its resources say it."""
    instance = run.resolved.instance_type
    if run.stage == "prepare":
        return {"gpus": 0, "nodes": 1, "cpus": cores(PREPARE_CPU)}
    return {"gpus": instance.gpu.count if instance.gpu else 0, "nodes": 1, "cpus": cores(instance.cpu)}

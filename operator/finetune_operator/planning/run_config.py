"""The run document: what one attempt is asked to do, as ``trainer-image/contract/run.schema.json`` says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.status import Resolved, Stage
from finetune_operator.planning.job import Job
from finetune_operator.planning.places import CACHE, WORKSPACE, fetches
from finetune_operator.planning.quantity import cores
from finetune_operator.planning.resolving.limits import budget_hours
from finetune_operator.planning.run_inputs import input_sections
from finetune_operator.planning.run_settings import setting_sections

SECONDS_PER_HOUR: Final = 3600
PREPARE_CPU: Final = "1"
"""What the check of model and data may use, whatever the instance type has."""
GRACE_SECONDS: Final[Mapping[Stage, int]] = {"prepare": 10, "train": 120}
"""Between SIGTERM and SIGKILL: training needs the time of a step and a checkpoint."""


@dataclass(frozen=True)
class Run:
    """One attempt of one stage of a job whose choices are all made."""

    job: Job
    resolved: Resolved
    stage: Stage
    attempt: int

    @property
    def nodes(self) -> int:
        """Pods that work together: only training has more than one."""
        return self.resolved.nodes if self.stage == "train" else 1

    @property
    def several(self) -> bool:
        """Whether pods must find each other."""
        return self.nodes > 1


def run_document(run: Run) -> Json:
    """The run document of one attempt."""
    job, spec = run.job, run.job.spec
    hours = budget_hours(spec, run.resolved)
    return {
        "contractVersion": 1,
        "stage": run.stage,
        "job": {"namespace": job.namespace, "name": job.name, "uid": job.uid},
        "attempt": run.attempt,
        "jobType": spec.job_type,
        **input_sections(spec, run.resolved),
        **setting_sections(job, run.resolved),
        "hardware": _hardware(run),
        "limits": {"trainingSeconds": hours * SECONDS_PER_HOUR, "graceSeconds": GRACE_SECONDS[run.stage]},
        "paths": {"workspace": WORKSPACE} | ({"cache": CACHE} if fetches(spec, run.resolved) else {}),
    }


def run_json(run: Run) -> str:
    """The run document as text, always the same for the same run."""
    return json.dumps(run_document(run), sort_keys=True, ensure_ascii=False)


def _hardware(run: Run) -> Json:
    """What each pod gets, as its resources say it."""
    instance = run.resolved.instance_type
    if run.stage == "prepare":
        return {"gpus": 0, "nodes": 1, "cpus": cores(PREPARE_CPU)}
    hardware: Json = {
        "gpus": instance.gpu.count if instance.gpu else 0,
        "nodes": run.nodes,
        "cpus": cores(instance.cpu),
    }
    rows = run.resolved.micro_batch_size
    return hardware | ({"microBatchSize": rows} if rows else {})

"""The run document: what one attempt is asked to do, as ``trainer-image/contract/run.schema.json`` says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import Stage
from finetune_operator.planning.budget import budget_seconds
from finetune_operator.planning.grace import grace_seconds
from finetune_operator.planning.job import Job
from finetune_operator.planning.places import WORKSPACE, cache_path
from finetune_operator.planning.quantity import cores
from finetune_operator.planning.run_inputs import input_sections
from finetune_operator.planning.run_settings import setting_sections

PREPARE_CPU: Final = "1"
"""What the check of model and data may use, whatever the instance type has."""


@dataclass(frozen=True)
class Run:
    """One attempt of one stage of a job whose choices are all made."""

    job: Job
    resolved: Resolved
    stage: Stage
    attempt: int
    finish: bool = False
    """Train no more: publish the newest checkpoint."""
    halvings: int = 0
    """How often the rows that a process holds at once are halved."""

    @property
    def nodes(self) -> int:
        """Pods that work together: only training has more than one."""
        return self.resolved.nodes if self.stage == "train" else 1

    @property
    def grace_seconds(self) -> int:
        """Between SIGTERM and SIGKILL."""
        return grace_seconds(self.stage, self.resolved)

    @property
    def several(self) -> bool:
        """Whether pods must find each other."""
        return self.nodes > 1


def run_document(run: Run) -> Json:
    """The run document of one attempt."""
    job, spec = run.job, run.job.spec
    cache = cache_path(spec, run.resolved)
    return {
        "contractVersion": 1,
        "stage": run.stage,
        "job": {"namespace": job.namespace, "name": job.name, "uid": job.uid},
        "attempt": run.attempt,
        **_course(run),
        "jobType": spec.job_type,
        **input_sections(spec, run.resolved),
        **setting_sections(job, run.resolved),
        "hardware": _hardware(run),
        "limits": _limits(run),
        "paths": {"workspace": WORKSPACE} | ({"cache": cache} if cache else {}),
    }


def run_json(run: Run) -> str:
    """The run document as text, always the same for the same run."""
    return json.dumps(run_document(run), sort_keys=True, ensure_ascii=False)


def _course(run: Run) -> Json:
    """What of earlier runs and attempts counts. Left out where it says nothing, so that any image can do it."""
    waiting = run.job.status.unpublished
    # A model is published by the run that trained it: its folder bears that number.
    number = waiting.run if run.stage == "publish" and waiting else run.job.run
    first = run.resolved.resume_from or 1
    course: Json = {"run": number} if number else {}
    return course | ({"resumeFrom": first} if first > 1 else {}) | ({"finish": True} if run.finish else {})


def _limits(run: Run) -> Json:
    limits: Json = {
        "trainingSeconds": budget_seconds(run.job.spec, run.resolved),
        "graceSeconds": run.grace_seconds,
    }
    stall = run.job.spec.stall_timeout_seconds
    return limits | ({"stallSeconds": stall} if stall else {})


def _hardware(run: Run) -> Json:
    """What each pod gets, as its resources say it."""
    instance = run.resolved.instance_type
    if run.stage == "prepare":
        return {"gpus": 0, "nodes": 1, "cpus": cores(PREPARE_CPU)}
    if run.stage == "publish":
        return {"gpus": 0, "nodes": 1, "cpus": cores(instance.cpu)}
    hardware: Json = {
        "gpus": instance.gpu.count if instance.gpu else 0,
        "nodes": run.nodes,
        "cpus": cores(instance.cpu),
    }
    rows = run.resolved.micro_batch_size
    hardware |= {"microBatchSize": rows} if rows else {}
    return hardware | ({"halvings": run.halvings} if run.halvings else {})

"""The pod of one attempt: one container, restricted pod security, everything it may write named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.environment import environment
from finetune_operator.planning.observed import CONTAINER
from finetune_operator.planning.outcome import cache_claim, merges, workspace
from finetune_operator.planning.placement import placement
from finetune_operator.planning.places import (
    CACHE,
    RUN_FOLDER,
    SCRATCH,
    SHARED_MEMORY,
    TOKEN_FOLDER,
    WORKSPACE,
    fetches,
)
from finetune_operator.planning.quantity import byte_count
from finetune_operator.planning.run_config import PREPARE_CPU, Run, run_json
from finetune_operator.planning.sizing.merging import merging_memory
from finetune_operator.planning.volumes import Mounts, input_mounts

TOKEN_SECONDS: Final = 3600
CHECKING_MEMORY: Final = "256Mi"
MOVING_MEMORY: Final = "1Gi"
"""Of what fetches, uploads or decodes pictures; the limit is the instance type's memory all the same."""
GROUP_ID: Final = 65532
"""Group of the volumes' files, so that any user id that the cluster assigns can write them."""


@dataclass(frozen=True)
class Progress:
    """Where a pod reports: the operator's URL for this job, and the authority that signed its certificate (PEM)."""

    url: str
    authority: str


def pod_template(run: Run, pull_policy: str, progress: Progress | None) -> Json:
    """The pod template of one attempt."""
    mounts = _mounts(run, progress)
    spec: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": run.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(run, pull_policy, progress, mounts)],
        "volumes": list(mounts.volumes),
        **placement(run),
    }
    if run.several:
        spec["subdomain"] = names.stage_job_name(run.job.name, run.job.uid, run.stage, run.attempt)
    return {"metadata": {"labels": _labels(run), "annotations": _annotations(run, progress)}, "spec": spec}


def _labels(run: Run) -> Json:
    return {
        names.MANAGED_BY_LABEL: names.MANAGER,
        names.JOB_LABEL: run.job.name,
        names.UID_LABEL: run.job.uid,
        names.STAGE_LABEL: run.stage,
        names.ATTEMPT_LABEL: str(run.attempt),
        **({names.RUN_LABEL: str(run.job.run)} if run.job.run else {}),
        **({names.FINISH_LABEL: "true"} if run.finish else {}),
    }


def _annotations(run: Run, progress: Progress | None) -> Json:
    """The run document travels with the template: no further object, and as immutable as the Job."""
    authority = {names.CA_ANNOTATION: progress.authority} if progress else {}
    return {names.RUN_ANNOTATION: run_json(run), **authority}


def _container(run: Run, pull_policy: str, progress: Progress | None, mounts: Mounts) -> Json:
    return {
        "name": CONTAINER,
        "image": run.resolved.image,
        "imagePullPolicy": pull_policy,
        "env": environment(run, progress.url if progress else None),
        "resources": _resources(run),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": list(mounts.mounts),
    }


def _resources(run: Run) -> Json:
    """Requests equal limits: the pod gets what the instance type says. Stages on CPU need no GPU and little else."""
    instance = run.resolved.instance_type
    if run.stage == "prepare":
        # What the type has is there anyway; asking for little lets the check run beside other work.
        return {"requests": _little(run), "limits": {"cpu": PREPARE_CPU, "memory": instance.memory}}
    if run.stage == "publish" and not merges(run.job):
        return {"requests": _little(run), "limits": {"cpu": instance.cpu, "memory": instance.memory}}
    if run.stage == "publish":
        memory = merging_memory(run.resolved) or instance.memory
        return {"requests": {"cpu": "500m", "memory": memory}, "limits": {"cpu": instance.cpu, "memory": memory}}
    amounts = {"cpu": instance.cpu, "memory": instance.memory}
    if instance.ephemeral_storage:
        amounts["ephemeral-storage"] = instance.ephemeral_storage
    if instance.gpu:
        amounts[instance.gpu.resource_name] = str(instance.gpu.count)
    return {"requests": amounts, "limits": dict(amounts)}


def _little(run: Run) -> Json:
    """What a stage on CPU asks for. One that decodes episodes, or has parts of large files in memory, needs some more."""
    far = run.stage == "publish" or fetches(run.job.spec, run.resolved)
    memory = min(MOVING_MEMORY, run.resolved.instance_type.memory, key=byte_count) if far else CHECKING_MEMORY
    return {"cpu": "100m", "memory": memory}


def _mounts(run: Run, progress: Progress | None) -> Mounts:
    """Every volume of the pod. All else is read-only."""
    output = workspace(run.job)
    mounts = input_mounts(run.job.spec, run.resolved)
    mounts = mounts.claim(output.claim, WORKSPACE, sub_path=output.path, read_only=False)
    if cache := cache_claim(run.job):
        mounts = mounts.claim(cache, CACHE, read_only=False)
    mounts = mounts.volume("tmp", {"emptyDir": {}}, SCRATCH, read_only=False)
    size = run.resolved.instance_type.shared_memory
    memory = {"emptyDir": {"medium": "Memory", "sizeLimit": size}}
    mounts = mounts.volume("shm", memory, SHARED_MEMORY, read_only=False)
    mounts = mounts.volume("run", {"downwardAPI": {"items": _run_files(progress)}}, RUN_FOLDER)
    return mounts.volume("progress-token", _token(run), TOKEN_FOLDER) if progress else mounts


def _run_files(progress: Progress | None) -> list[Json]:
    files = {"run.json": names.RUN_ANNOTATION} | ({"progress-ca.crt": names.CA_ANNOTATION} if progress else {})
    return [
        {"path": path, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
        for path, annotation in files.items()
    ]


def _token(run: Run) -> Json:
    job = run.job
    audience = names.progress_audience(job.namespace, job.name, job.uid)
    source = {"audience": audience, "expirationSeconds": TOKEN_SECONDS, "path": "token"}
    return {"projected": {"sources": [{"serviceAccountToken": source}]}}

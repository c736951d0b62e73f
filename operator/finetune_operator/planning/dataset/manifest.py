"""The batch/v1 Job of one inspection: one pod on CPU that reads the data, counts, and leaves its findings as a verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api import names, uris
from finetune_operator.api.model import Json
from finetune_operator.planning.dataset.observed import INSPECT
from finetune_operator.planning.dataset.plan import InspectionPlan
from finetune_operator.planning.dataset.registration import Registration
from finetune_operator.planning.observed import CONTAINER
from finetune_operator.planning.places import CLAIMS, RUN_FOLDER, SCRATCH, mounted_path
from finetune_operator.planning.secrets import hub_variables, place_variables
from finetune_operator.planning.volumes import Mounts

GROUP_ID: Final = 65532
GRACE_SECONDS: Final = 10
KEEP_SECONDS: Final = 3600
"""How long an ended inspection can be looked at before it removes itself: longer than any backoff."""
LONGEST_SECONDS: Final = 21_600
"""An inspection that hangs is ended and tried again."""
LIMITS: Final = {"cpu": "1", "memory": "4Gi"}
REQUESTS: Final = {"cpu": "100m", "memory": "256Mi"}


@dataclass(frozen=True)
class InspectionImages:
    """The trainer images by family, and when they are pulled."""

    by_family: Mapping[str, str]
    pull_policy: str


def inspection_name(registration: Registration, attempt: int) -> str:
    """The name of the Job of one inspection: a function of the Dataset alone."""
    return names.stage_job_name(registration.name, registration.uid, INSPECT, attempt)


def inspection_job(registration: Registration, plan: InspectionPlan, attempt: int, pull_policy: str) -> Json:
    """The Job of one inspection."""
    labels = {
        names.MANAGED_BY_LABEL: names.MANAGER,
        names.DATASET_LABEL: registration.name,
        names.DATASET_UID_LABEL: registration.uid,
        names.STAGE_LABEL: INSPECT,
        names.ATTEMPT_LABEL: str(attempt),
    }
    document = json.dumps(run_document(registration, plan, attempt), sort_keys=True, ensure_ascii=False)
    template = {
        "metadata": {"labels": labels, "annotations": {names.RUN_ANNOTATION: document}},
        "spec": _pod(registration, plan, pull_policy),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": inspection_name(registration, attempt),
            "namespace": registration.namespace,
            "labels": labels,
            "ownerReferences": [registration.owner_reference()],
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": LONGEST_SECONDS,
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "podReplacementPolicy": "Failed",
            "template": template,
        },
    }


def run_document(registration: Registration, plan: InspectionPlan, attempt: int) -> Json:
    """The run document of one inspection. Nothing it writes is kept: its workspace is scratch space."""
    spec = registration.spec
    dataset: Json = {"name": registration.name, "split": "train", "uri": spec.uri, **_place(spec.uri, spec.revision)}
    if spec.files:
        dataset["files"] = list(spec.files)
    if spec.format != "auto":
        dataset["format"] = spec.format
    document: Json = {
        "contractVersion": 1,
        "stage": INSPECT,
        "job": {"namespace": registration.namespace, "name": registration.name, "uid": registration.uid},
        "attempt": attempt,
        "datasets": [dataset],
        "hardware": {"gpus": 0, "nodes": 1, "cpus": 1},
        "limits": {"trainingSeconds": LONGEST_SECONDS, "graceSeconds": GRACE_SECONDS},
        "paths": {"workspace": f"{SCRATCH}/workspace", "cache": f"{SCRATCH}/cache"},
    }
    if plan.model:
        place = _place(plan.model.uri, plan.model.revision)
        document["model"] = {"name": plan.model.name, "uri": plan.model.uri, **place}
    return document


def _place(uri: str, revision: str | None) -> Json:
    path = mounted_path(uri)
    return {"path": path} if path else ({"revision": revision} if revision else {})


def _pod(registration: Registration, plan: InspectionPlan, pull_policy: str) -> Json:
    mounts = _mounts(registration, plan)
    container: Json = {
        "name": CONTAINER,
        "image": plan.image,
        "imagePullPolicy": pull_policy,
        "env": _environment(registration),
        "resources": {"requests": dict(REQUESTS), "limits": dict(LIMITS)},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": list(mounts.mounts),
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP_ID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": list(mounts.volumes),
    }


def _environment(registration: Registration) -> list[Json]:
    plain = {"HOME": SCRATCH, "PYTHONUNBUFFERED": "1"}
    uri, secret = registration.spec.uri, registration.spec.secret_ref
    secrets = (*place_variables("DATASET_0", uri, secret), *hub_variables(uri, secret))
    return [*({"name": name, "value": value} for name, value in plain.items()), *secrets]


def _mounts(registration: Registration, plan: InspectionPlan) -> Mounts:
    mounts = Mounts()
    for uri in (registration.spec.uri, *([plan.model.uri] if plan.model else [])):
        match uris.parse(uri):
            case uris.ClaimPath(claim, _):
                mounts = mounts.claim(claim, f"{CLAIMS}/{claim}")
            case uris.ConfigMapKey(name, _):
                mounts = mounts.config_map(name)
            case _:
                pass  # fetched by the trainer
    mounts = mounts.volume("tmp", {"emptyDir": {}}, SCRATCH, read_only=False)
    annotation = f"metadata.annotations['{names.RUN_ANNOTATION}']"
    files = {"items": [{"path": "run.json", "fieldRef": {"fieldPath": annotation}}]}
    return mounts.volume("run", {"downwardAPI": files}, RUN_FOLDER)

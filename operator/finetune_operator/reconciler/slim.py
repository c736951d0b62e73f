"""What the store keeps of an object: what decisions read, and nothing of what only costs memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import BASEMODELS, DATASETS, FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Resource
from finetune_operator.planning.observed import CONTAINER
from finetune_operator.planning.unknown_fields import unknown_fields

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_UNKNOWN_FIELDS: Final = "unknownFields"
"""Where a slim FineTuneJob keeps what is unknown in its last manifest. The API server lets no object have such a field."""
_METADATA_OF_CHILDREN: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "ownerReferences",
)
_ENDS: Final = ("Complete", "Failed")
_TURNS: Final = ("PodScheduled", "DisruptionTarget")
"""Of a pod's conditions, those that are read: readiness comes and goes and decides nothing."""


def slim(resource: Resource, body: Json) -> Json:
    """The object without what no decision reads. The original stays as it is; inner parts are shared with it."""
    return _SLIMMERS[resource](body)


def outline(job: Json) -> Json:
    """Of a slim FineTuneJob, what is looked at of all jobs at once: in metrics, when the catalog changes, on a resync."""
    spec, status = job["spec"], job.get("status") or {}
    resolved = status.get("resolved")
    kept = _chosen(status, ("phase", "reason", "observedGeneration", "usage"))
    if resolved:
        gpu = (resolved.get("instanceType") or {}).get("gpu") or {}
        kept["resolved"] = {"nodes": resolved.get("nodes", 1), "instanceType": {"gpu": _chosen(gpu, ("count",))}}
    if progress := status.get("progress"):
        kept["progress"] = _chosen(progress, ("lastUpdatedTime",))
    named = {} if resolved else _chosen(spec, ("datasets",))
    output = {"output": _chosen(spec["output"], ("uri",))} if spec.get("output") else {}
    metadata = _chosen(job["metadata"], ("name", "namespace", "uid", "generation"))
    return {"metadata": metadata, "spec": named | output, "status": kept}


def same_but_for_version(one: Json, other: Json) -> bool:
    """Whether two slim objects differ in their version alone: then no decision can differ either."""
    newest = {"resourceVersion": None}
    return {**one, "metadata": one["metadata"] | newest} == {**other, "metadata": other["metadata"] | newest}


def unknown_fields_of(body: Json) -> tuple[str, ...]:
    """Of a slim FineTuneJob: a sentence for each field that its user wrote and the API server dropped."""
    return tuple(body.get(_UNKNOWN_FIELDS, ()))


def _finetunejob(body: Json) -> Json:
    """What kubectl keeps of the manifest is as large as the job: only what is wrong in it stays."""
    manifest = (body["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    slimmed = _own(body)
    return {**slimmed, _UNKNOWN_FIELDS: unknown} if manifest and (unknown := unknown_fields(manifest)) else slimmed


def _own(body: Json) -> Json:
    """Our own kinds stay whole, but for what the API server and kubectl keep for themselves."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    if annotations := metadata.get("annotations"):
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    return {**body, "metadata": metadata}


def _job(body: Json) -> Json:
    # The pod template holds the run document; the Job is never repaired, so it is never read.
    spec = {name: value for name, value in body.get("spec", {}).items() if name not in {"template", "selector"}}
    return _child(body, spec, _conditions(body, _ENDS))


def _pod(body: Json) -> Json:
    spec = body.get("spec", {})
    containers = [_chosen(container, ("name", "resources")) for container in spec.get("containers", ())]
    kept = _chosen(spec, ("nodeName", "restartPolicy", "priorityClassName")) | {"containers": containers}
    said = _chosen(body.get("status", {}), ("phase", "reason", "message"))
    return _child(body, kept, said | _conditions(body, _TURNS) | _containers(body))


def _conditions(body: Json, types: tuple[str, ...]) -> Json:
    found = [each for each in body.get("status", {}).get("conditions") or () if each["type"] in types]
    return {"conditions": found} if found else {}


def _containers(body: Json) -> Json:
    found = body.get("status", {}).get("containerStatuses") or ()
    trainers = [_chosen(each, ("name", "state")) for each in found if each["name"] == CONTAINER]
    return {"containerStatuses": trainers} if trainers else {}


def _child(body: Json, spec: Json, status: Json) -> Json:
    return {
        "apiVersion": body.get("apiVersion"),
        "kind": body.get("kind"),
        "metadata": _chosen(body["metadata"], _METADATA_OF_CHILDREN),
        "spec": spec,
        "status": status,
    }


def _chosen(part: Json, names: tuple[str, ...]) -> Json:
    return {name: part[name] for name in names if name in part}


_SLIMMERS: Final[Mapping[Resource, Callable[[Json], Json]]] = {
    FINETUNEJOBS: _finetunejob,
    INSTANCETYPES: _own,
    BASEMODELS: _own,
    DATASETS: _own,
    JOBS: _job,
    PODS: _pod,
}

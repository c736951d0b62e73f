"""Small valid objects for tests; what a test is about it sets itself."""

from __future__ import annotations

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import BASEMODELS, DATASETS, FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Resource


def fine_tune_job(name: str, **spec: object) -> Json:
    """A FineTuneJob that the schema accepts."""
    return _body(
        FINETUNEJOBS,
        {"name": name},
        {
            "jobType": "sft",
            "model": {"name": "pvc://models/tiny"},
            "datasets": [{"name": "train", "uri": "configmap://data/train.jsonl"}],
            "instanceType": "cpu-small",
            **spec,
        },
    )


def instance_type(name: str, **spec: object) -> Json:
    """An InstanceType that the schema accepts."""
    return _body(INSTANCETYPES, {"name": name}, {"cpu": "1", "memory": "2Gi", **spec})


def base_model(name: str, **spec: object) -> Json:
    """A BaseModel that the schema accepts: a language model."""
    source = {"uri": f"hf://example/{name}"}
    return _body(BASEMODELS, {"name": name}, {"type": "causal_lm", "family": "trl", "source": source, **spec})


def dataset(name: str, **spec: object) -> Json:
    """A Dataset that the schema accepts."""
    return _body(DATASETS, {"name": name}, {"uri": "configmap://data/train.jsonl", **spec})


def batch_job(name: str, labels: dict[str, str] | None = None) -> Json:
    """A Job whose pod would only print a word; suspended, so that no pod comes."""
    container = {"name": "main", "image": "none.invalid/none"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"suspend": True, "backoffLimit": 0, "template": template}
    return _body(JOBS, {"name": name, "labels": labels or {}}, spec)


def pod(name: str, labels: dict[str, str] | None = None) -> Json:
    """A pod that nobody runs."""
    containers = [{"name": "main", "image": "none.invalid/none"}]
    # No scheduler of this name exists; a node that does not would have the pod collected as garbage.
    spec = {"restartPolicy": "Never", "containers": containers, "schedulerName": "nobody"}
    return _body(PODS, {"name": name, "labels": labels or {}}, spec)


def config_map(name: str, **data: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def child_labels(job: str, uid: str) -> dict[str, str]:
    """What marks a child as ours and as this job's."""
    return {names.MANAGED_BY_LABEL: names.MANAGER, names.JOB_LABEL: job, names.UID_LABEL: uid}


def _body(resource: Resource, metadata: Json, spec: Json) -> Json:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": spec}

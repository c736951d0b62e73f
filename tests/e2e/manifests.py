"""The FineTuneJobs, datasets and claims that the end-to-end tests apply."""

from __future__ import annotations

import json
from collections.abc import Sequence

from finetune_operator.api.names import API_VERSION
from tests.demo.install import CHECKOUT
from tests.demo.kubectl import Json
from tests.demo.sample import MODEL, MODELS_CLAIM, SAMPLES

DATASET = "support-questions"
ROWS = CHECKOUT / SAMPLES / "data" / DATASET / "train.jsonl"
INSTANCE_TYPE = "e2e-cpu"
QUICK = {"epochs": 2, "batchSize": 8, "learningRate": 0.01, "lora": {"rank": 8}}
"""A few seconds of training."""
ENDLESS = QUICK | {"epochs": 1000}
"""Longer than any test: for jobs that are ended by something else."""


def finetunejob(name: str, *, dataset: str = f"configmap://{DATASET}/train.jsonl", **spec: object) -> Json:
    """A job on the small model that trains for a few seconds; `spec` replaces fields of its spec."""
    fields: Json = {
        "jobType": "sft",
        "model": {"name": f"pvc://{MODELS_CLAIM}/{MODEL}"},
        "datasets": [{"name": "questions", "uri": dataset}],
        "hyperparameters": QUICK,
        "instanceType": INSTANCE_TYPE,
        "hours": 1,
        "output": {"storageSize": "1Gi"},
    }
    return {"apiVersion": API_VERSION, "kind": "FineTuneJob", "metadata": {"name": name}, "spec": fields | spec}


def instance_type(name: str, **spec: object) -> Json:
    """An InstanceType of which two pods fit on two cores beside everything else; `spec` adds to it."""
    fields: Json = {"cpu": "800m", "memory": "3Gi", "sharedMemory": "256Mi"}
    return {"apiVersion": API_VERSION, "kind": "InstanceType", "metadata": {"name": name}, "spec": fields | spec}


def dataset(name: str, lines: Sequence[str]) -> Json:
    """A ConfigMap with these lines under the key train.jsonl."""
    data = {"train.jsonl": "".join(f"{line}\n" for line in lines)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def sample_rows() -> list[str]:
    """The lines of the samples' dataset."""
    return ROWS.read_text(encoding="utf-8").splitlines()


def row(question: str, answer: str) -> str:
    """One chat row as a line."""
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns})


def lent_volume(volume: Json, namespace: str, claimed: str = MODELS_CLAIM) -> tuple[Json, Json]:
    """A second PersistentVolume on the folder of `volume`, and the claim of `namespace` that it is for.

    So the base model, or what robots start from, is made once, and every namespace of a test has it.
    """
    kept = ("accessModes", "capacity", "hostPath", "local", "nodeAffinity", "volumeMode", "csi", "nfs")
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claimed}
    name = f"{claimed}-{namespace}"
    spec = {key: volume["spec"][key] for key in kept if key in volume["spec"]}
    own = {"storageClassName": "", "persistentVolumeReclaimPolicy": "Retain", "claimRef": claim}
    wanted = {"accessModes": spec["accessModes"], "storageClassName": "", "volumeName": name}
    wanted |= {"resources": {"requests": {"storage": spec["capacity"]["storage"]}}}
    return (
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec | own},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claimed}, "spec": wanted},
    )

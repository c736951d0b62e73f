"""Misspelt and misplaced fields. The API server drops what it does not know, unless it is asked to be strict, as kubectl does."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.model import Json
from tests.controlplane.mistakes.catalog import hardware, language_model
from tests.controlplane.mistakes.mistake import Mistake, Mistakes, language, robot

UNKNOWN: Final = "unknown field"


def typo(wrong: Json, at: str, right: Json) -> Mistake:
    """An unknown field: the answer names it, and it has no value to repeat."""
    return language(wrong, at, "", UNKNOWN, right)


def dataset(**fields: object) -> Json:
    """One dataset with these fields."""
    return {"datasets": [{"name": "questions", **fields}]}


DATA: Final = "configmap://questions/train.jsonl"
KEY: Final[Json] = {"name": "wandb", "key": "api-key"}

TYPOS: Final[Mistakes] = {
    "hour": typo({"hour": 6}, "spec.hour", {"hours": 6}),
    "max_hours": typo({"max_hours": 6}, "spec.max_hours", {"hours": 6}),
    "instance_type": typo({"instance_type": "h100"}, "spec.instance_type", {"instanceType": "h100"}),
    "instancetype": typo({"instancetype": "h100"}, "spec.instancetype", {"instanceType": "h100"}),
    "hyperParameters": typo({"hyperParameters": {"epochs": 3}}, "spec.hyperParameters", {"hyperparameters": {"epochs": 3}}),
    "hyperparameters of another API": typo(
        {"hyperparameters": {"n_epochs": 3}}, "spec.hyperparameters.n_epochs", {"hyperparameters": {"epochs": 3}}
    ),
    "learning_rate": typo(
        {"hyperparameters": {"learning_rate": 1e-5}}, "spec.hyperparameters.learning_rate", {"hyperparameters": {"learningRate": 1e-5}}
    ),
    "batch size beside the hyperparameters": typo({"batchSize": 8}, "spec.batchSize", {"hyperparameters": {"batchSize": 8}}),
    "lora_r": typo(
        {"hyperparameters": {"lora_r": 8}}, "spec.hyperparameters.lora_r", {"hyperparameters": {"lora": {"rank": 8}}}
    ),
    "r of an adapter": typo(
        {"hyperparameters": {"lora": {"r": 8}}}, "spec.hyperparameters.lora.r", {"hyperparameters": {"lora": {"rank": 8}}}
    ),
    "the whole number of GPUs": typo({"gpus": 8}, "spec.gpus", {"instanceType": "h100-x8"}),
    "a model by its hosted word": typo({"baseModel": "llama-3.1-8b"}, "spec.baseModel", {"model": {"name": "llama-3.1-8b"}}),
    "a place of a model by another word": typo(
        {"model": {"name": "a", "path": "pvc://models/a"}}, "spec.model.path", {"model": {"name": "pvc://models/a"}}
    ),
    "the type of a dataset": typo(
        dataset(uri=DATA, type="chat"), "spec.datasets[0].type", dataset(uri=DATA, format="chat")
    ),
    "file_ids": typo(
        dataset(uri="pvc://data/a", file_ids=["a.jsonl"]),
        "spec.datasets[0].file_ids",
        dataset(uri="pvc://data/a", files=["a.jsonl"]),
    ),
    "a key of Weights & Biases in plain text": typo(
        {"integrations": [{"type": "wandb", "wandb": {"project": "bots", "apiKeySecretRef": KEY, "apiKey": "0123456789abcdef"}}]},
        "spec.integrations[0].wandb.apiKey",
        {"integrations": [{"type": "wandb", "wandb": {"project": "bots", "apiKeySecretRef": KEY}}]},
    ),
    "a token of a model in plain text": typo(
        {"model": {"name": "google/gemma-3-4b", "token": "hf_abcdefgh"}},
        "spec.model.token",
        {"model": {"name": "google/gemma-3-4b", "secretRef": {"name": "hub"}}},
    ),
    "a folder of the node": typo(
        {"podTemplate": {"volumes": [{"name": "a", "hostPath": {"path": "/data"}, "emptyDir": {}}]}},
        "spec.podTemplate.volumes[0].hostPath",
        {"podTemplate": {"volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "a"}}]}},
    ),
    "rights of the container": typo(
        {"podTemplate": {"securityContext": {"privileged": True}}}, "spec.podTemplate.securityContext", {"podTemplate": {}}
    ),
    "a pod in place of what it bears besides": typo(
        {"podTemplate": {"spec": {"tolerations": [{"operator": "Exists"}]}}},
        "spec.podTemplate.spec",
        {"podTemplate": {"tolerations": [{"operator": "Exists"}]}},
    ),
    "camera_mappings": robot(
        {"camera_mappings": {"cam_1": "top"}}, "spec.camera_mappings", "", UNKNOWN, {"cameraMappings": {"cam_1": "top"}}
    ),
    "use_rabc": robot({"use_rabc": False}, "spec.use_rabc", "", UNKNOWN, {"reward": {"useRabc": False}}),
    "the price of an hour by another word": hardware(
        {"costPerHour": 3.5}, "spec.costPerHour", "", UNKNOWN, {"pricePerHour": 3.5, "currency": "USD"}
    ),
    "GPU memory beside the GPU": hardware(
        {"gpuMemory": "80Gi"}, "spec.gpuMemory", "", UNKNOWN, {"gpu": {"count": 1, "memory": "80Gi"}}
    ),
    "a number of parameters by another word": language_model(
        {"parameterCount": 8}, "spec.parameterCount", "", UNKNOWN, {"parameters": 8_030_261_248}
    ),
}  # fmt: skip

"""Mistakes that administrators make in InstanceType, BaseModel and Dataset."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import uris
from finetune_operator.api.model import Json
from tests.controlplane.mistakes.mistake import Desk, Mistakes

INSTANCE_TYPE: Final[Json] = {"cpu": "8", "memory": "64Gi"}
LANGUAGE_MODEL: Final[Json] = {"type": "causal_lm", "family": "trl", "source": {"uri": "hf://Qwen/Qwen3-4B"}}
POLICY: Final[Json] = {"type": "pi0", "family": "lerobot", "source": {"uri": "hf://lerobot/pi0"}}
DATASET: Final[Json] = {"uri": "hf://lerobot/pusht"}

hardware: Final = Desk(INSTANCE_TYPE, "InstanceType")
language_model: Final = Desk(LANGUAGE_MODEL, "BaseModel")
policy: Final = Desk(POLICY, "BaseModel")
dataset: Final = Desk(DATASET, "Dataset")

TOGETHER: Final = "pricePerHour and currency belong together"
FAMILIES: Final = "language models are trained by family trl, robot policies by lerobot, groot-n15 or groot-n16"
ARCHITECTURE: Final[Json] = {
    "layers": 36, "hiddenSize": 2560, "intermediateSize": 9728, "attentionHeads": 32, "keyValueHeads": 8,
    "vocabularySize": 151_936,
}  # fmt: skip


def tolerating(**fields: object) -> Json:
    """Hardware with one toleration."""
    return {"tolerations": [fields]}


HARDWARE: Final[Mistakes] = {
    "hardware without CPU": hardware({"cpu": None}, "spec.cpu", "", "Required value", {"cpu": 8}),
    "CPU in words": hardware({"cpu": "two"}, "spec.cpu", '"two"', "should match", {"cpu": "500m"}),
    "memory with a blank": hardware({"memory": "64 Gi"}, "spec.memory", '"64 Gi"', "should match", {"memory": "64Gi"}),
    "memory with the unit of people": hardware({"memory": "64GB"}, "spec.memory", '"64GB"', "should match", {"memory": "64G"}),
    "no memory": hardware({"memory": 0}, "spec.memory", "0", "should be greater than or equal to 1", {"memory": 1024}),
    "GPUs by number": hardware({"gpu": 8}, "spec.gpu", "integer", "must be of type object", {"gpu": {"count": 8}}),
    "GPUs without a number": hardware(
        {"gpu": {"product": "H100"}}, "spec.gpu.count", "", "Required value", {"gpu": {"count": 1, "product": "H100"}}
    ),
    "no GPUs but the word": hardware(
        {"gpu": {"count": 0}}, "spec.gpu.count", "0", "should be greater than or equal to 1", {"gpu": None}
    ),
    "a price without a currency": hardware(
        {"pricePerHour": 3.5}, "spec", "currency is missing", TOGETHER, {"pricePerHour": 3.5, "currency": "USD"}
    ),
    "a currency without a price": hardware(
        {"currency": "EUR"}, "spec", "pricePerHour is missing", TOGETHER, {"pricePerHour": 0, "currency": "EUR"}
    ),
    "a currency by its sign": hardware(
        {"pricePerHour": 3.5, "currency": "$"},
        "spec.currency",
        '"$"',
        "should match '^[A-Z]{3}$'",
        {"pricePerHour": 3.5, "currency": "USD"},
    ),
    "a capacity of another cloud": hardware(
        {"capacityType": "preemptible"}, "spec.capacityType", '"preemptible"', 'supported values: "onDemand", "spot"', {"capacityType": "spot"}
    ),
    "regions by name alone": hardware(
        {"regions": ["eu-north1"]}, "spec.regions[0]", "string", "must be of type object", {"regions": [{"name": "eu-north1"}]}
    ),
    "a region twice": hardware(
        {"regions": [{"name": "a"}, {"name": "a"}]}, "spec.regions[1]", '{"name":"a"}', "Duplicate value", {"regions": [{"name": "a"}, {"name": "b"}]}
    ),
    "a toleration of everything that equals something": hardware(
        tolerating(value="b"),
        "spec.tolerations[0]",
        "without a key",
        "a toleration needs operator Exists, which tolerates every taint",
        tolerating(operator="Exists"),
    ),
    "a value that nobody compares": hardware(
        tolerating(key="a", operator="Exists", value="b"),
        "spec.tolerations[0].value",
        "given: b",
        "operator Exists takes no value",
        tolerating(key="a", value="b"),
    ),
    "a limit above a week": hardware(
        {"limits": {"hours": 200}}, "spec.limits.hours", "200", "should be less than or equal to 168", {"limits": {"hours": 24, "nodes": 1}}
    ),
}  # fmt: skip

MODELS: Final[Mistakes] = {
    "a language model of a robot's family": language_model(
        {"family": "lerobot"}, "spec.family", "causal_lm and lerobot", FAMILIES, {"family": "trl"}
    ),
    "a policy of a language model's family": policy({"family": "trl"}, "spec.family", "pi0 and trl", FAMILIES, {"family": "lerobot"}),
    "a family that nobody built": policy(
        {"family": "openpi"}, "spec.family", '"openpi"', 'supported values: "trl", "lerobot", "groot-n15", "groot-n16"', {"family": "lerobot"}
    ),
    "a model that lies nowhere": policy(
        {"source": None}, "spec.source", "given: type pi0", "source is missing: only act and sarm are trained from scratch", {"type": "act", "source": None}
    ),
    "a model on this machine": language_model(
        {"source": {"uri": "/models/qwen"}},
        "spec.source.uri",
        "given: /models/qwen",
        f"uri must be {uris.STORED_WORDS}",
        {"source": {"uri": "pvc://models/qwen"}},
    ),
    "an architecture for a policy": policy(
        {"architecture": ARCHITECTURE}, "spec.architecture", "given: type pi0", "architecture is for language models", {"architecture": None}
    ),
    "cameras for a language model": language_model(
        {"cameraSlots": [{"name": "cam_1"}]},
        "spec.cameraSlots",
        "given: type causal_lm",
        "cameraSlots are for robot policies",
        {"architecture": ARCHITECTURE},
    ),
    "a camera slot twice": policy(
        {"cameraSlots": [{"name": "cam_1"}, {"name": "cam_1"}]},
        "spec.cameraSlots[1]",
        '{"name":"cam_1"}',
        "Duplicate value",
        {"cameraSlots": [{"name": "cam_1", "required": True}, {"name": "cam_2"}]},
    ),
    "parameters in billions": language_model(
        {"parameters": "8B"}, "spec.parameters", "string", "must be of type integer", {"parameters": 8_030_261_248}
    ),
    "a default that contradicts itself": language_model(
        {"hyperparameters": {"epochs": 3, "steps": 10}},
        "spec.hyperparameters",
        "epochs 3 and steps 10",
        "give epochs or steps, not both",
        {"hyperparameters": {"epochs": 3}},
    ),
    "two ways to warm up by default": language_model(
        {"hyperparameters": {"warmupRatio": 0.1, "warmupSteps": 10}},
        "spec.hyperparameters",
        "warmupRatio 0.1 and warmupSteps 10",
        "give warmupRatio or warmupSteps, not both",
        {"hyperparameters": {"warmupRatio": 0.1}},
    ),
    "four bits and every weight by default": language_model(
        {"hyperparameters": {"quantization": "nf4", "lora": {"enabled": False}}},
        "spec.hyperparameters.quantization",
        "lora.enabled is false",
        "quantization nf4 freezes the weights: it needs lora",
        {"hyperparameters": {"quantization": "nf4", "lora": {"rank": 8}}},
    ),
}  # fmt: skip

DATASETS: Final[Mistakes] = {
    "a dataset on this machine": dataset(
        {"uri": "file:///data/data"},
        "spec.uri",
        "file:///data/data",
        "to a claim (pvc://) or, when small, into a ConfigMap (configmap://)",
        {"uri": "pvc://data/mine"},
    ),
    "a dataset by http": dataset(
        {"uri": "http://data.example/a"}, "spec.uri", "http://data.example/a", f"uri must be {uris.DATASET_WORDS}", {"uri": "https://data.example/a"}
    ),
    "a dataset without a place": dataset({"uri": None}, "spec.uri", "", "Required value", {"uri": "pvc://data/a"}),
    "a model with a capital": dataset(
        {"model": "Qwen3"}, "spec.model", '"Qwen3"', "should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'", {"model": "qwen3-4b"}
    ),
}  # fmt: skip

CATALOG: Final[Mistakes] = HARDWARE | MODELS | DATASETS

ACCEPTED_HARDWARE: Final[dict[str, Json]] = {
    "the smallest type": {},
    "quantities of every form": {"cpu": "500m", "memory": "1.5Gi", "ephemeralStorage": "10G", "sharedMemory": 1024},
    "another vendor's GPUs": {
        "gpu": {"count": 64, "resourceName": "amd.com/gpu", "product": "MI300X", "memory": "192Gi"}
    },
    "a node selector": {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "empty": ""}},
    "tolerations of every form": {
        "tolerations": [
            {"operator": "Exists"},
            {"key": "a", "value": "b", "effect": "NoSchedule"},
            {"key": "a", "operator": "Exists", "effect": "NoExecute"},
            {"key": "a", "value": "", "effect": "PreferNoSchedule"},
        ]
    },
    "some namespaces": {"namespaceSelector": {"matchLabels": {"team.example/gpu": "yes"}}, "automatic": False},
}
ACCEPTED_MODELS: Final[dict[str, Json]] = {
    "the smallest model": {},
    "the names of hosted APIs": {"aliases": ["meta-llama/Llama-3.1-8B", "Newton::c2_4_7b_251215a172f6d7"]},
    "a model from scratch": {"type": "act", "family": "lerobot", "source": None},
    "a family of its own": {
        "type": "gr00t_n1_6",
        "family": "groot-n16",
        "source": {"uri": "hf://nvidia/GR00T-N1.6-3B"},
    },
}
ACCEPTED_DATASETS: Final[dict[str, Json]] = {
    "the smallest dataset": {},
    "text files of a claim": {"uri": "pvc://texts/.", "files": ["a.txt", "b/c.txt"], "format": "documents"},
}

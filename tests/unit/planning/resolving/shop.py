"""A catalog to choose from: what the chart ships, cut down to what the tests talk about, with prices that are easy to compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.model import Json
from finetune_operator.api.status import Report
from finetune_operator.catalog.catalog import read_catalog
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Admission, Offer, admit, complete

IMAGES: Final = {"trl": "trl:1", "lerobot": "lerobot:1", "groot-n15": "groot15:1", "groot-n16": "groot16:1"}


def gpu_type(count: int, memory: str, price: float | None, **more: object) -> Json:
    """An InstanceType with GPUs."""
    gpu = {"count": count, "memory": memory, "peakTflops": 989}
    priced = {"pricePerHour": price, "currency": "USD"} if price is not None else {}
    return {"gpu": gpu, "cpu": "8", "memory": "256Gi", **priced, **more}


TYPES: Final[Json] = {
    "cpu-small": {"cpu": "1", "memory": "4Gi"},
    "cpu-large": {"cpu": "16", "memory": "64Gi", "automatic": False},
    "small": gpu_type(1, "24Gi", 1, regions=[{"name": "eu"}, {"name": "us"}]),
    "large": gpu_type(1, "80Gi", 4, regions=[{"name": "eu"}]),
    "large-x8": gpu_type(8, "80Gi", 32, limits={"hours": 48, "nodes": 2}),
    "unpriced": gpu_type(1, "192Gi", None),
    "reserved": gpu_type(1, "80Gi", 0.5, namespaceSelector={"matchLabels": {"team": "a"}}),
    "unmeasured": {"gpu": {"count": 1}, "cpu": "8", "memory": "64Gi", "pricePerHour": 0.1, "currency": "USD"},
}
LLAMA: Final[Json] = {
    "type": "causal_lm",
    "family": "trl",
    "aliases": ["meta-llama/Llama-3.1-8B"],
    "source": {"uri": "hf://meta-llama/Llama-3.1-8B"},
    "parameters": 8_030_261_248,
    "maxSequenceLength": 131_072,
    "architecture": {
        "layers": 32,
        "hiddenSize": 4096,
        "intermediateSize": 14336,
        "attentionHeads": 32,
        "keyValueHeads": 8,
        "vocabularySize": 128_256,
    },
}
TINY: Final[Json] = {
    "type": "causal_lm",
    "family": "trl",
    "source": {"uri": "pvc://models/tiny"},
    "parameters": 90_752,
    "maxSequenceLength": 2048,
    "architecture": {
        "layers": 2,
        "hiddenSize": 64,
        "intermediateSize": 128,
        "attentionHeads": 4,
        "keyValueHeads": 2,
        "vocabularySize": 261,
    },
}
SMOLVLA: Final[Json] = {
    "type": "smolvla",
    "family": "lerobot",
    "aliases": ["lerobot/smolvla_base"],
    "source": {"uri": "hf://lerobot/smolvla_base"},
    "parameters": 450_000_000,
    "memory": {"fixed": "6Gi", "perRow": "1Gi", "source": "a guide"},
    "cameraSlots": [
        {"name": "cam_1", "key": "observation.images.camera1"},
        {"name": "cam_2", "key": "observation.images.camera2"},
        {"name": "cam_3", "key": "observation.images.camera3"},
    ],
    "hyperparameters": {"batchSize": 16, "learningRate": 1e-4, "steps": 20_000, "maxGradNorm": 10},
}
ACT: Final[Json] = {
    "type": "act",
    "family": "lerobot",
    "jobTypes": ["vla"],
    "memory": {"fixed": "2Gi", "perRow": "512Mi"},
    "hyperparameters": {"learningRate": 1e-5},
}
SARM: Final[Json] = {"type": "sarm", "family": "lerobot", "cameraSlots": [{"name": "cam_1", "required": True}]}
GATED: Final[Json] = LLAMA | {
    "aliases": ["meta-llama/Closed"],
    "source": {"uri": "hf://meta-llama/Closed", "gated": True},
}
CAPPED: Final[Json] = TINY | {
    "limits": {"hours": 24, "batchSize": 8, "contextLength": 1024, "loraRank": 8},
    "jobTypes": ["sft"],
}
MODELS: Final[Json] = {
    "llama-8b": LLAMA,
    "tiny": TINY,
    "smolvla": SMOLVLA,
    "act": ACT,
    "sarm": SARM,
    "closed": GATED,
    "capped": CAPPED,
}
SHOP: Final = Offer(read_catalog(TYPES, MODELS), IMAGES)


def shop(types: Json | None = None, models: Json | None = None) -> Offer:
    """The same with other entries, or with none."""
    catalog = read_catalog(TYPES if types is None else types, MODELS if models is None else models)
    return replace(SHOP, catalog=catalog)


def spec_of(**fields: object) -> FineTuneJobSpec:
    """A job of one dataset with the tiny model; ``fields`` as in YAML."""
    base: Json = {
        "jobType": "sft",
        "model": {"name": "tiny"},
        "datasets": [{"name": "chat", "uri": "pvc://data/chat.jsonl"}],
        "instanceType": "small",
    }
    return FineTuneJobSpec.model_validate({k: v for k, v in (base | fields).items() if v is not None})


def robot_of(**fields: object) -> FineTuneJobSpec:
    """A robot policy for six hours."""
    base: Json = {
        "jobType": "vla",
        "model": {"name": "lerobot/smolvla_base", "type": "smolvla"},
        "datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht"}],
        "cameraMappings": {"cam_1": "observation.images.top"},
        "hours": 6,
    }
    return spec_of(**(base | fields))


def admitted(spec: FineTuneJobSpec, offer: Offer = SHOP) -> Admission:
    """The plan of a job that must be accepted."""
    found = admit(spec, offer)
    assert isinstance(found, Admission), found.message
    return found


def accepts(spec: FineTuneJobSpec, offer: Offer = SHOP) -> bool:
    """Whether a job is accepted."""
    return isinstance(admit(spec, offer), Admission)


def refused(spec: FineTuneJobSpec, offer: Offer = SHOP) -> Rejection:
    """Why a job that must be refused is."""
    found = admit(spec, offer)
    assert isinstance(found, Rejection)
    return found


def completed(spec: FineTuneJobSpec, report: Report | None = None, offer: Offer = SHOP) -> Admission:
    """The whole plan of a job that must be accepted."""
    found = complete(spec, admitted(spec, offer).resolved, report)
    assert isinstance(found, Admission), found.message
    return found


def rules_of(admission: Admission) -> dict[str, str]:
    """The rule of each value that was chosen, by field."""
    return {choice.field.removeprefix("hyperparameters."): choice.rule for choice in admission.resolved.choices}


def report_of(rows: int = 1000, tokens: int | None = None, longest: int | None = 500, **more: int) -> Report:
    """What prepare found: rows of 250 tokens on average."""
    return Report(rows=rows, tokens=250 * rows if tokens is None else tokens, longest_row_tokens=longest, **more)

"""The documented requests of five hosted APIs, each written as a FineTuneJob as it stands, are accepted."""

from __future__ import annotations

from typing import Final

import pytest

from finetune_operator.api.model import Json
from tests.support.trial import Trial, manifest

pytestmark = pytest.mark.controlplane

ROBOT_POLICY: Final[Json] = {
    "jobType": "vla",
    "displayName": "example",
    "model": {"name": "lerobot/smolvla_base", "type": "act"},
    "datasets": [{"name": "pusht", "uri": "hf://lerobot/pusht"}],
    "cameraMappings": {
        "cam_1": "observation.images.top",
        "cam_2": "observation.images.wrist",
        "cam_3": "observation.images.front",
    },
    "hyperparameters": {"batchSize": 32, "extra": {}},
    "reward": {"useRabc": False, "modelUri": "example", "headMode": "sparse", "imageKey": "example"},
    "instanceType": "example",
    "region": "example",
    "hours": 1,
}
"""A model beside the type act, which implies its own, and reward fields while RA-BC is off: superfluous and harmless."""

SUPERVISED: Final[Json] = {
    "jobType": "sft",
    "model": {"name": "meta-llama/Llama-3.1-70B-Instruct"},
    "datasets": [
        {"name": "file-123456", "split": "train", "datasetRef": {"name": "file-123456"}},
        {"name": "file-123456", "split": "validation", "datasetRef": {"name": "file-123456"}},
    ],
    "hyperparameters": {
        "batchSize": 8,
        "learningRate": 0.00001,
        "epochs": 3,
        "warmupRatio": 0,
        "weightDecay": 0,
        "lora": {"enabled": False, "rank": 8, "alpha": 8, "dropout": 0},
        "packing": True,
        "maxGradNorm": 1,
        "contextLength": 8192,
        "seed": 42,
        "extra": {},
    },
    "integrations": [
        {
            "type": "wandb",
            "wandb": {
                "project": "<string>",
                "name": "<string>",
                "entity": "<string>",
                "tags": ["<string>"],
                "apiKeySecretRef": {"name": "wandb", "key": "api-key"},
            },
        }
    ],
    "tags": ["my-ft-job"],
}
"""LoRA's numbers beside ``lora: false``; the key of Weights & Biases goes into a Secret, which is all that differs."""

AUTOMATIC: Final[Json] = {
    "jobType": "sft",
    "displayName": "my-finetune-run",
    "model": {"name": "Newton::c2_4_7b_251215a172f6d7"},
    "datasets": [
        {
            "name": "training-set",
            "split": "train",
            "uri": "pvc://files/.",
            "files": ["file-abc123"],
            "format": "newton",
        },
        {
            "name": "eval-set",
            "split": "validation",
            "uri": "pvc://files/.",
            "files": ["file-def456"],
            "format": "newton",
        },
    ],
}

NAMED: Final[Json] = {
    "jobType": "sft",
    "displayName": "Customer Support Classifier",
    "description": "Fine-tuned on 10k support tickets for intent classification",
    "model": {"name": "llama-3.1-8b"},
    "datasets": [
        {"name": "train", "split": "train", "datasetRef": {"name": "ds-train-001"}},
        {"name": "validation", "split": "validation", "uri": "pvc://files/validation_data.jsonl"},
    ],
    "hyperparameters": {"epochs": 3, "learningRate": 0.0002, "batchSize": 8, "warmupSteps": 100},
    "output": {"suffix": "support-v1"},
}

STYLED: Final[Json] = {
    "jobType": "style",
    "model": {"name": "vaero-1"},
    "style": {"baseModel": "general"},
    "datasets": [
        {"name": "texts", "uri": "pvc://files/.", "files": ["file-abc123", "file-abc124"], "format": "documents"}
    ],
    "output": {"suffix": "custom-name"},
}

REQUESTS: Final = {
    "a robot policy with three cameras": ROBOT_POLICY,
    "supervised with LoRA's numbers, packing and a tracker": SUPERVISED,
    "automatic hyperparameters with two splits": AUTOMATIC,
    "a named dataset with validation": NAMED,
    "a style from several text files": STYLED,
}


@pytest.mark.parametrize("spec", REQUESTS.values(), ids=REQUESTS)
async def test_a_documented_request_is_accepted_and_every_word_of_it_kept(trial: Trial, spec: Json) -> None:
    stored = await trial.accepted(manifest("FineTuneJob", "my-job", spec))
    assert _has(stored["spec"], spec)


WORDS: Final = {
    **{f"head mode {word}": {"reward": {"headMode": word}} for word in ("sparse", "dense", "both")},
    **{f"hours {hours}": {"hours": hours} for hours in (0.01, 1, 168)},
    **{f"batch size {size}": {"hyperparameters": {"batchSize": size}} for size in (1, 32, 512)},
    "a name of 255 characters": {"displayName": "n" * 255},
}


@pytest.mark.parametrize("fields", WORDS.values(), ids=WORDS)
async def test_the_bounds_are_those_of_the_hosted_api(trial: Trial, fields: Json) -> None:
    assert not await trial.refusal(manifest("FineTuneJob", "my-job", ROBOT_POLICY | fields))


BEYOND: Final = {
    "hours": ({"hours": 168.01}, {"hours": 0}),
    "hyperparameters.batchSize": ({"hyperparameters": {"batchSize": 513}}, {"hyperparameters": {"batchSize": 0}}),
    "displayName": ({"displayName": "n" * 256},),
    "reward.headMode": ({"reward": {"headMode": "none"}},),
}


@pytest.mark.parametrize(("field", "values"), BEYOND.items(), ids=BEYOND)
async def test_what_the_hosted_api_does_not_take_is_refused(trial: Trial, field: str, values: tuple[Json, ...]) -> None:
    for fields in values:
        assert f"spec.{field}: " in await trial.refusal(manifest("FineTuneJob", "my-job", ROBOT_POLICY | fields))


def _has(stored: object, asked: object) -> bool:
    """Whether everything that was asked for is there; the server adds defaults."""
    if isinstance(asked, dict):
        return isinstance(stored, dict) and all(_has(stored.get(key), value) for key, value in asked.items())
    if isinstance(asked, list):
        return isinstance(stored, list) and all(_has(a, b) for a, b in zip(stored, asked, strict=True))
    return stored == asked

"""Credentials come from Secrets, by the names of the trainer contract, and only to the stages that need them."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
from finetune_operator.planning.run_config import Run, run_json
from finetune_operator.planning.secrets import secret_variables
from tests.unit.planning.scene import a_job, resolved_for

WHOLE = {"name": "safe"}
ONE_KEY = {"name": "safe", "key": "mine"}


def keys(spec: Json, stage: Stage = "train") -> dict[str, tuple[str, bool]]:
    """Variable → key of the Secret, and whether the pod starts without it."""
    job = a_job(spec)
    variables = secret_variables(Run(job, resolved_for(job), stage, 1))
    references = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in variables}
    return {name: (ref["key"], ref.get("optional", False)) for name, ref in references.items()}


def dataset(uri: str, secret: Json) -> Json:
    """A job on one dataset."""
    return {"datasets": [{"name": "a", "uri": uri, "secretRef": secret}]}


S3 = {
    "FINETUNE_SECRET_DATASET_0_ACCESS_KEY_ID": ("accessKeyId", False),
    "FINETUNE_SECRET_DATASET_0_SECRET_ACCESS_KEY": ("secretAccessKey", False),
    "FINETUNE_SECRET_DATASET_0_SESSION_TOKEN": ("sessionToken", True),
    "FINETUNE_SECRET_DATASET_0_ENDPOINT": ("endpoint", True),
    "FINETUNE_SECRET_DATASET_0_REGION": ("region", True),
}
HUB = {"HF_ENDPOINT": ("endpoint", True)}
PLACES = {
    "the Hub": ("hf://org/rows", WHOLE, {"FINETUNE_SECRET_DATASET_0_TOKEN": ("token", False)} | HUB),
    "the Hub, by another key": (
        "hf://org/rows",
        ONE_KEY,
        {"FINETUNE_SECRET_DATASET_0_TOKEN": ("mine", False)} | HUB,
    ),
    "an object store": ("s3://bucket/rows", WHOLE, S3),
    "an object store, which one key cannot open": ("s3://bucket/rows", ONE_KEY, S3),
    "Google's": (
        "gs://bucket/rows",
        WHOLE,
        {"FINETUNE_SECRET_DATASET_0_CREDENTIALS": ("credentials", False)},
    ),
    "Google's, by another key": (
        "gs://bucket/rows",
        ONE_KEY,
        {"FINETUNE_SECRET_DATASET_0_CREDENTIALS": ("mine", False)},
    ),
    "a web server": (
        "https://example.com/rows.jsonl",
        WHOLE,
        {
            "FINETUNE_SECRET_DATASET_0_TOKEN": ("token", True),
            "FINETUNE_SECRET_DATASET_0_USERNAME": ("username", True),
            "FINETUNE_SECRET_DATASET_0_PASSWORD": ("password", True),
        },
    ),
    "a web server, by one key": (
        "https://example.com/rows.jsonl",
        ONE_KEY,
        {"FINETUNE_SECRET_DATASET_0_TOKEN": ("mine", False)},
    ),
    "a claim, which needs none": ("pvc://data/rows.jsonl", WHOLE, {}),
}


@pytest.mark.parametrize(("uri", "secret", "variables"), PLACES.values(), ids=PLACES)
def test_what_opens(uri: str, secret: Json, variables: dict[str, tuple[str, bool]]) -> None:
    assert keys(dataset(uri, secret)) == variables


def test_each_dataset_has_variables_of_its_own() -> None:
    datasets = [
        {"name": "open", "uri": "hf://org/open"},
        {"name": "gated", "uri": "hf://org/gated", "secretRef": ONE_KEY},
    ]
    assert keys({"datasets": datasets}) == {
        "FINETUNE_SECRET_DATASET_1_TOKEN": ("mine", False),
        "HF_ENDPOINT": ("endpoint", True),
    }


def test_the_models_secret_opens_the_weights_to_go_on_from_too() -> None:
    model = {"name": "org/chat-1b", "secretRef": WHOLE, "fromCheckpoint": {"uri": "gs://bucket/adapter"}}
    assert set(keys({"model": model})) == {
        "FINETUNE_SECRET_MODEL_TOKEN",
        "FINETUNE_SECRET_MODEL_CREDENTIALS",
        "HF_ENDPOINT",
    }


def rewarded(model: Json, **reward: object) -> Json:
    """A policy whose rows a reward model weights."""
    reward_aware = {"jobType": "vla", "hours": 1, "reward": {"useRabc": True, **reward}}
    return {"model": {"type": "smolvla", "secretRef": WHOLE, **model}, **reward_aware}


def test_the_models_secret_opens_the_reward_model_too_and_keys_for_another_place_may_be_missing() -> None:
    hub = {"FINETUNE_SECRET_MODEL_TOKEN": ("token", False), "HF_ENDPOINT": ("endpoint", True)}
    policy = {"name": "org/policy"}
    assert keys(rewarded(policy, modelUri="org/sarm")) == hub
    found = keys(rewarded(policy, progressUri="s3://bucket/progress.parquet"))
    assert found.items() >= hub.items()
    assert found["FINETUNE_SECRET_MODEL_SECRET_ACCESS_KEY"] == ("secretAccessKey", True)


def test_the_keys_that_open_a_reward_model_must_be_there_where_nothing_else_is_fetched() -> None:
    found = keys(rewarded({"name": "pvc://models/policy"}, modelUri="org/sarm"))
    assert found["FINETUNE_SECRET_MODEL_TOKEN"] == ("token", False)
    assert found["HF_ENDPOINT"] == ("endpoint", True)


def test_which_hub_is_meant_says_one_secret_or_the_jobs_own_environment() -> None:
    output = {"output": {"uri": "hf://org/bot", "secretRef": {"name": "other"}}}
    job = a_job({**dataset("hf://org/rows", WHOLE), **output})
    variables = secret_variables(Run(job, resolved_for(job), "train", 1))
    (hub,) = (each for each in variables if each["name"] == "HF_ENDPOINT")
    assert hub["valueFrom"]["secretKeyRef"] == {"name": "safe", "key": "endpoint", "optional": True}
    own = {"podTemplate": {"env": [{"name": "HF_ENDPOINT", "value": "https://hub.example"}]}}
    assert "HF_ENDPOINT" not in keys({**dataset("hf://org/rows", WHOLE), **own})


TRACKERS = [
    {"type": "wandb", "wandb": {"project": "p", "apiKeySecretRef": {"name": "safe", "key": "k"}}},
    {"type": "mlflow", "mlflow": {"trackingUri": "https://m", "experiment": "e", "secretRef": WHOLE}},
    {"type": "tensorboard"},
]


@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_trackers_are_opened_for_both_stages_so_that_a_wrong_key_is_found_before_a_gpu_is_held(stage: Stage) -> None:
    assert keys({"integrations": TRACKERS}, stage) == {
        "WANDB_API_KEY": ("k", False),
        "MLFLOW_TRACKING_TOKEN": ("token", True),
        "MLFLOW_TRACKING_USERNAME": ("username", True),
        "MLFLOW_TRACKING_PASSWORD": ("password", True),
    }


def test_what_publishes_reports_to_no_tracker() -> None:
    assert keys({"integrations": TRACKERS}, "publish") == {}


def test_one_key_of_mlflow_is_its_token() -> None:
    tracker = {"type": "mlflow", "mlflow": {"trackingUri": "https://m", "experiment": "e", "secretRef": ONE_KEY}}
    assert keys({"integrations": [tracker]}) == {"MLFLOW_TRACKING_TOKEN": ("mine", False)}


@pytest.mark.parametrize("stage", ["prepare", "train"])
def test_the_output_is_opened_for_both_stages_so_that_a_wrong_token_is_found_before_a_gpu_is_held(stage: Stage) -> None:
    output = {"uri": "hf://org/bot", "secretRef": WHOLE}
    assert keys({"output": output}, stage) == {
        "FINETUNE_SECRET_OUTPUT_TOKEN": ("token", False),
        "HF_ENDPOINT": ("endpoint", True),
    }


def test_no_secret_is_named_in_the_run_document() -> None:
    job = a_job(
        {**dataset("hf://org/rows", WHOLE), "integrations": TRACKERS, "output": {"uri": "s3://b/m", "secretRef": WHOLE}}
    )
    text = run_json(Run(job, resolved_for(job), "train", 1))
    assert "safe" not in text
    assert "ecret" not in text

"""Every constraint of FineTuneJob.spec on a real API server: one manifest that it accepts, and one that it refuses.

A refusal names the field, the value that was given and what is allowed.
"""

from __future__ import annotations

import re
import secrets

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import Invalid
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.support.objects import fine_tune_job

pytestmark = pytest.mark.controlplane

TRAIN: Json = {"name": "train", "uri": "configmap://data/train.jsonl"}
UNSEEN: Json = {"observedGeneration": -1, "retries": 0}
URI_OF_DATA = "must be pvc://CLAIM/PATH or configmap://NAME/KEY"
PATTERN_OF_NAMES = r"should match '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'"


def lora(**fields: object) -> Json:
    """Hyperparameters with an adapter."""
    return {"hyperparameters": {"lora": fields}}


def hyper(**fields: object) -> Json:
    """Hyperparameters."""
    return {"hyperparameters": fields}


def data(**fields: object) -> Json:
    """One dataset with these fields."""
    return {"datasets": [TRAIN | fields]}


ACCEPTED: dict[str, Json] = {
    "the smallest job": {},
    "a model at the root of its claim": {"model": {"name": "pvc://models"}},
    "a model deep in its claim": {"model": {"name": "pvc://models.v1/a/b-c_d.e"}},
    "a dataset in a claim": data(uri="pvc://data/a/b.jsonl"),
    "the longest name of a dataset": data(name="a" * 63),
    "sixteen datasets": {"datasets": [TRAIN | {"name": f"d{n}"} for n in range(16)]},
    "a dataset of one name in both splits": {"datasets": [TRAIN, TRAIN | {"split": "validation"}]},
    "empty hyperparameters": hyper(),
    "hyperparameters at their lower bounds": hyper(
        batchSize=1, learningRate=1e-9, epochs=0.001, seed=0, contextLength=1
    ),
    "hyperparameters at their upper bounds": hyper(
        batchSize=512, learningRate=10, steps=10_000_000, seed=4_294_967_295, contextLength=10_000_000
    ),
    "the most epochs": hyper(epochs=1000),
    "one step": hyper(steps=1),
    "an adapter at its lower bounds": lora(rank=1, alpha=1, dropout=0, targetModules=[]),
    "an adapter at its upper bounds": lora(rank=512, alpha=4096, dropout=1, targetModules=[f"m{n}" for n in range(64)]),
    "no adapter": lora(enabled=False),
    "the shortest budget": {"hours": 0.0001},
    "the longest budget": {"hours": 168},
    "no retries": {"backoffLimit": 0},
    "the most retries": {"backoffLimit": 100},
    "an output at the root of a claim": {"output": {"uri": "pvc://results"}},
    "an output in a folder": {"output": {"uri": "pvc://results/a/b"}},
    "a claim of a size in words": {"output": {"storageSize": "1.5Ti", "storageClassName": "fast"}},
    "a claim of a size in bytes": {"output": {"storageSize": 10_000_000_000}},
    "an output that goes with the job": {"output": {"retain": False}},
}

# What is refused → the field, the value that was given, and what is allowed, as the message has them.
REFUSED: dict[str, tuple[Json, tuple[str, ...]]] = {
    "no job type": ({"jobType": None}, ("spec.jobType", "Required value")),
    "a job type of another release": ({"jobType": "dpo"}, ("spec.jobType", '"dpo"', 'supported values: "sft"')),
    "no model": ({"model": None}, ("spec.model", "Required value")),
    "a model without a place": ({"model": {}}, ("spec.model.name", "Required value")),
    "an empty model": ({"model": {"name": ""}}, ("spec.model.name", "at least 1 chars")),
    "a model on the Hub": (
        {"model": {"name": "meta-llama/Llama-3.1-8B"}},
        ("spec.model.name", "meta-llama/Llama-3.1-8B", "must be pvc://CLAIM/PATH", "Hugging Face layout"),
    ),
    "a model path with a blank": (
        {"model": {"name": "pvc://models/a b"}},
        ("spec.model.name", "pvc://models/a b", "must be pvc://CLAIM/PATH"),
    ),
    "a model of 513 characters": (
        {"model": {"name": "pvc://models/" + "a" * 500}},
        ("spec.model.name", "Too long", "512"),
    ),
    "no datasets": ({"datasets": None}, ("spec.datasets", "Required value")),
    "an empty list of datasets": ({"datasets": []}, ("spec.datasets", "should have at least 1 items")),
    "seventeen datasets": (
        {"datasets": [TRAIN | {"name": f"d{n}"} for n in range(17)]},
        ("spec.datasets", "17", "at most 16 items"),
    ),
    "a dataset twice": ({"datasets": [TRAIN, TRAIN]}, ("spec.datasets[1]", "Duplicate value", '"train"')),
    "validation data alone": (
        data(split="validation"),
        ("spec.datasets", "at least one dataset must have split train"),
    ),
    "a split that does not exist": (
        data(split="test"),
        ("spec.datasets[0].split", '"test"', 'supported values: "train", "validation"'),
    ),
    "a dataset without a name": ({"datasets": [{"uri": TRAIN["uri"]}]}, ("spec.datasets[0].name", "Required value")),
    "a dataset with a capital": (data(name="Train"), ("spec.datasets[0].name", '"Train"', PATTERN_OF_NAMES)),
    "a dataset with an empty name": (data(name=""), ("spec.datasets[0].name", "at least 1 chars")),
    "a dataset name of 64": (data(name="a" * 64), ("spec.datasets[0].name", "Too long", "63")),
    "a dataset without a place": ({"datasets": [{"name": "a"}]}, ("spec.datasets[0].uri", "Required value")),
    "a dataset with an empty place": (data(uri=""), ("spec.datasets[0].uri", "at least 1 chars")),
    "a dataset with too long a place": (data(uri="pvc://a/" + "a" * 505), ("spec.datasets[0].uri", "Too long", "512")),
    "a dataset elsewhere": (data(uri="s3://bucket/key"), ("spec.datasets[0].uri", "s3://bucket/key", URI_OF_DATA)),
    "a dataset at the root of a claim": (data(uri="pvc://data"), ("spec.datasets[0].uri", "pvc://data", URI_OF_DATA)),
    "a ConfigMap without a key": (
        data(uri="configmap://data"),
        ("spec.datasets[0].uri", "configmap://data", URI_OF_DATA),
    ),
    "epochs and steps": (
        hyper(epochs=3, steps=100),
        ("spec.hyperparameters", "give epochs or steps, not both; given: epochs 3 and steps 100"),
    ),
    "no epochs": (hyper(epochs=0), ("spec.hyperparameters.epochs", "0", "greater than 0")),
    "too many epochs": (hyper(epochs=1001), ("spec.hyperparameters.epochs", "1001", "less than or equal to 1000")),
    "no steps": (hyper(steps=0), ("spec.hyperparameters.steps", "0", "greater than or equal to 1")),
    "too many steps": (
        hyper(steps=10_000_001),
        ("spec.hyperparameters.steps", "10000001", "less than or equal to 10000000"),
    ),
    "half a step": (hyper(steps=1.5), ("spec.hyperparameters.steps", "must be of type integer")),
    "an empty batch": (hyper(batchSize=0), ("spec.hyperparameters.batchSize", "0", "greater than or equal to 1")),
    "too large a batch": (hyper(batchSize=513), ("spec.hyperparameters.batchSize", "513", "less than or equal to 512")),
    "a rate of nothing": (hyper(learningRate=0), ("spec.hyperparameters.learningRate", "0", "greater than 0")),
    "a negative rate": (hyper(learningRate=-1e-4), ("spec.hyperparameters.learningRate", "-0.0001", "greater than 0")),
    "a rate above ten": (
        hyper(learningRate=10.5),
        ("spec.hyperparameters.learningRate", "10.5", "less than or equal to 10"),
    ),
    "a rate in words": (hyper(learningRate="2e-4"), ("spec.hyperparameters.learningRate", "must be of type number")),
    "a negative seed": (hyper(seed=-1), ("spec.hyperparameters.seed", "-1", "greater than or equal to 0")),
    "too large a seed": (
        hyper(seed=4_294_967_296),
        ("spec.hyperparameters.seed", "4294967296", "less than or equal to 4294967295"),
    ),
    "a context of nothing": (
        hyper(contextLength=0),
        ("spec.hyperparameters.contextLength", "0", "greater than or equal to 1"),
    ),
    "too long a context": (
        hyper(contextLength=10_000_001),
        ("spec.hyperparameters.contextLength", "10000001", "less than or equal to 10000000"),
    ),
    "a rank of nothing": (lora(rank=0), ("spec.hyperparameters.lora.rank", "0", "greater than or equal to 1")),
    "too high a rank": (lora(rank=513), ("spec.hyperparameters.lora.rank", "513", "less than or equal to 512")),
    "an alpha of nothing": (lora(alpha=0), ("spec.hyperparameters.lora.alpha", "0", "greater than or equal to 1")),
    "too high an alpha": (lora(alpha=4097), ("spec.hyperparameters.lora.alpha", "4097", "less than or equal to 4096")),
    "a negative dropout": (
        lora(dropout=-0.1),
        ("spec.hyperparameters.lora.dropout", "-0.1", "greater than or equal to 0"),
    ),
    "a dropout above one": (lora(dropout=1.1), ("spec.hyperparameters.lora.dropout", "1.1", "less than or equal to 1")),
    "a module twice": (lora(targetModules=["q", "q"]), ("spec.hyperparameters.lora.targetModules[1]", "Duplicate", '"q"')),
    "too many modules": (
        lora(targetModules=[f"m{n}" for n in range(65)]),
        ("spec.hyperparameters.lora.targetModules", "65", "at most 64 items"),
    ),
    "too long a module": (
        lora(targetModules=["m" * 129]),
        ("spec.hyperparameters.lora.targetModules[0]", "Too long", "128"),
    ),
    "no instance type": ({"instanceType": None}, ("spec.instanceType", "Required value")),
    "an empty instance type": ({"instanceType": ""}, ("spec.instanceType", "at least 1 chars")),
    "an instance type with a blank": ({"instanceType": "cpu small"}, ("spec.instanceType", "cpu small", PATTERN_OF_NAMES)),
    "too long an instance type": ({"instanceType": "a" * 64}, ("spec.instanceType", "Too long", "63")),
    "no hours": ({"hours": 0}, ("spec.hours", "0", "greater than 0")),
    "negative hours": ({"hours": -1}, ("spec.hours", "-1", "greater than 0")),
    "more than a week": ({"hours": 168.5}, ("spec.hours", "168.5", "less than or equal to 168")),
    "hours in words": ({"hours": "6h"}, ("spec.hours", "must be of type number", "string")),
    "negative retries": ({"backoffLimit": -1}, ("spec.backoffLimit", "-1", "greater than or equal to 0")),
    "too many retries": ({"backoffLimit": 101}, ("spec.backoffLimit", "101", "less than or equal to 100")),
    "an output in a ConfigMap": (
        {"output": {"uri": "configmap://a/b"}},
        ("spec.output.uri", "configmap://a/b", "must be pvc://CLAIM or pvc://CLAIM/PATH"),
    ),
    "an empty output": ({"output": {"uri": ""}}, ("spec.output.uri", "at least 1 chars")),
    "too long an output": ({"output": {"uri": "pvc://a/" + "a" * 505}}, ("spec.output.uri", "Too long", "512")),
    "a size for a claim that exists": (
        {"output": {"uri": "pvc://a", "storageSize": "1Gi"}},
        ("spec.output", "storageSize and storageClassName are for a claim of the job's own", "uri names one that exists"),
    ),
    "a class for a claim that exists": (
        {"output": {"uri": "pvc://a", "storageClassName": "fast"}},
        ("spec.output", "storageSize and storageClassName are for a claim of the job's own"),
    ),
    "a size that is none": ({"output": {"storageSize": "big"}}, ("spec.output.storageSize", '"big"', "should match")),
    "a size of nothing": ({"output": {"storageSize": 0}}, ("spec.output.storageSize", "0", "greater than or equal to 1")),
    "too long a size": ({"output": {"storageSize": "1" * 33}}, ("spec.output.storageSize", "Too long", "32")),
    "too long a class": ({"output": {"storageClassName": "a" * 254}}, ("spec.output.storageClassName", "Too long", "253")),
    "retain in words": ({"output": {"retain": "yes"}}, ("spec.output.retain", "must be of type boolean")),
}  # fmt: skip


def manifest(spec: Json) -> Json:
    """The smallest job with these fields; None takes one away."""
    body = fine_tune_job(f"job-{secrets.token_hex(4)}")
    merged = body["spec"] | spec
    return body | {"spec": {key: value for key, value in merged.items() if value is not None}}


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED)
async def test_it_accepts(cluster: Cluster, namespace: str, spec: Json) -> None:
    await cluster.create(FINETUNEJOBS, namespace, manifest(spec))


@pytest.mark.parametrize(("spec", "words"), REFUSED.values(), ids=REFUSED)
async def test_it_refuses(cluster: Cluster, spec: Json, words: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refusal:
        await cluster.create(FINETUNEJOBS, "default", manifest(spec))
    for word in words:
        assert word in refusal.value.message


NAMES = {
    "a-job-of-forty-characters-and-none-more1": None,
    "a": None,
    "a1-b2": None,
    "a-job-of-forty-one-characters-is-too-long": "metadata.name must have at most 40 characters: "
    "a-job-of-forty-one-characters-is-too-long has 41",
    "1st-job": 'metadata.name must be lower-case letters, digits and "-", starting with a letter: 1st-job',
    "my.job": 'metadata.name must be lower-case letters, digits and "-", starting with a letter: my.job',
}


@pytest.mark.parametrize(("name", "complaint"), NAMES.items(), ids=NAMES)
async def test_the_name_of_a_job_must_leave_room_for_its_children(
    cluster: Cluster, namespace: str, name: str, complaint: str | None
) -> None:
    if complaint is None:
        await cluster.create(FINETUNEJOBS, namespace, fine_tune_job(name))
        return
    with pytest.raises(Invalid, match=re.escape(complaint)):
        await cluster.create(FINETUNEJOBS, namespace, fine_tune_job(name))


async def test_every_complaint_is_told_at_once(cluster: Cluster, namespace: str) -> None:
    wrong = manifest({"jobType": "dpo", "hours": 200, "hyperparameters": {"batchSize": 0}})
    with pytest.raises(Invalid) as refusal:
        await cluster.create(FINETUNEJOBS, namespace, wrong)
    for field in ("spec.jobType", "spec.hours", "spec.hyperparameters.batchSize"):
        assert field in refusal.value.message


async def test_defaults_are_few_and_the_rest_stays_as_it_was_written(cluster: Cluster, namespace: str) -> None:
    stored = await cluster.create(FINETUNEJOBS, namespace, manifest({"output": {}, "hyperparameters": {"lora": {}}}))
    assert stored["spec"] == {
        "jobType": "sft",
        "model": {"name": "pvc://models/tiny"},
        "datasets": [TRAIN | {"split": "train"}],
        "hyperparameters": {"lora": {"enabled": True}},
        "instanceType": "cpu-small",
        "output": {"retain": True},
        "backoffLimit": 3,
    }


async def test_an_unseen_job_says_that_nobody_has_seen_it(cluster: Cluster, namespace: str) -> None:
    stored = await cluster.create(FINETUNEJOBS, namespace, manifest({}))
    assert stored["status"] == UNSEEN


async def test_a_status_that_a_user_writes_is_not_kept(cluster: Cluster, namespace: str) -> None:
    forged = manifest({}) | {"status": {"observedGeneration": 1, "phase": "Succeeded"}}
    stored = await cluster.create(FINETUNEJOBS, namespace, forged)
    assert stored["status"] == UNSEEN


async def test_an_unknown_field_is_not_kept(cluster: Cluster, namespace: str) -> None:
    stored = await cluster.create(FINETUNEJOBS, namespace, manifest({"hour": 6}))
    assert "hour" not in stored["spec"]

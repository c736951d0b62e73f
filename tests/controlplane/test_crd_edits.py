"""What may be edited on a job and what may not; a refusal says what to do instead."""

from __future__ import annotations

import re

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import Invalid
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.support.objects import fine_tune_job

pytestmark = pytest.mark.controlplane

BEFORE: Json = {"hours": 2, "hyperparameters": {"epochs": 3}, "output": {"storageSize": "1Gi"}}

ALLOWED: dict[str, Json] = {
    "more hours": {"hours": 3},
    "no hours, which is the longest budget": {"hours": None},
    "more retries": {"backoffLimit": 9},
    "fewer retries": {"backoffLimit": 0},
    "the same again": BEFORE,
}

REFUSED: dict[str, tuple[Json, str]] = {
    "another model": (
        {"model": {"name": "pvc://models/other"}},
        "spec.model: Invalid value: model is immutable: make a new job",
    ),
    "another dataset": (
        {"datasets": [{"name": "other", "uri": "pvc://data/a"}]},
        "spec.datasets: Invalid value: datasets are immutable: make a new job",
    ),
    "a further dataset": (
        {
            "datasets": [
                {"name": "train", "uri": "configmap://data/train.jsonl"},
                {"name": "other", "uri": "pvc://data/a"},
            ]
        },
        "spec.datasets: Invalid value: datasets are immutable: make a new job",
    ),
    "another instance type": (
        {"instanceType": "gpu"},
        "spec.instanceType: Invalid value: instanceType is immutable: make a new job",
    ),
    "another hyperparameter": (
        {"hyperparameters": {"seed": 1}},
        "spec.hyperparameters: Invalid value: hyperparameters are immutable: make a new job",
    ),
    "no hyperparameters": (
        {"hyperparameters": None},
        "spec.hyperparameters: Invalid value: hyperparameters are immutable: make a new job",
    ),
    "another output": (
        {"output": {"retain": False}},
        "spec.output: Invalid value: output is immutable: make a new job",
    ),
    "no output": ({"output": None}, "spec.output: Invalid value: output is immutable: make a new job"),
    "fewer hours": (
        {"hours": 1},
        "spec.hours: Invalid value: hours may only grow: was 2, given 1 (a job that names none has 168)",
    ),
}


async def edited(cluster: Cluster, namespace: str, before: Json, edit: Json) -> Json:
    """A job with these fields after this edit."""
    await cluster.create(FINETUNEJOBS, namespace, fine_tune_job("job", **before))
    return await cluster.patch(FINETUNEJOBS, namespace, "job", {"spec": edit})


@pytest.mark.parametrize("edit", ALLOWED.values(), ids=ALLOWED)
async def test_a_job_may_be_given(cluster: Cluster, namespace: str, edit: Json) -> None:
    await edited(cluster, namespace, BEFORE, edit)


@pytest.mark.parametrize(("edit", "complaint"), REFUSED.values(), ids=REFUSED)
async def test_a_job_may_not_be_given(cluster: Cluster, namespace: str, edit: Json, complaint: str) -> None:
    with pytest.raises(Invalid, match=re.escape(complaint)):
        await edited(cluster, namespace, BEFORE, edit)


@pytest.mark.parametrize(("field", "value"), [("hyperparameters", {"seed": 1}), ("output", {"retain": False})])
async def test_what_was_left_out_may_not_be_added(cluster: Cluster, namespace: str, field: str, value: Json) -> None:
    with pytest.raises(Invalid, match="immutable: make a new job"):
        await edited(cluster, namespace, {}, {field: value})


async def test_a_job_without_hours_has_the_most_and_may_not_be_given_fewer(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Invalid, match="hours may only grow: was 168, given 100"):
        await edited(cluster, namespace, {}, {"hours": 100})


async def test_an_edit_raises_the_generation_and_a_status_does_not(cluster: Cluster, namespace: str) -> None:
    after = await edited(cluster, namespace, BEFORE, {"hours": 3})
    assert after["metadata"]["generation"] == 2
    told = await cluster.patch_status(FINETUNEJOBS, namespace, "job", {"status": {"observedGeneration": 2}})
    assert told["metadata"]["generation"] == 2


async def test_labels_may_be_edited_at_any_time(cluster: Cluster, namespace: str) -> None:
    await edited(cluster, namespace, BEFORE, {})
    await cluster.patch(FINETUNEJOBS, namespace, "job", {"metadata": {"labels": {"team": "a"}}})

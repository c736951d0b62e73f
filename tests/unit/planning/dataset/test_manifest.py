"""The Job of an inspection: what it is told keeps the contract, what it mounts it only reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import jsonschema
import pytest

from finetune_operator.api.model import Json
from finetune_operator.planning.dataset.manifest import inspection_job, run_document
from finetune_operator.planning.dataset.plan import InspectionModel, InspectionPlan
from tests.unit.planning.dataset.registry import PLAN, registration

SCHEMA: Final = json.loads((Path(__file__).parents[4] / "trainer-image/contract/run.schema.json").read_text())
WITH_MODEL: Final = InspectionPlan("x", InspectionModel("llama", "pvc://models/llama", None))
FETCHED: Final = InspectionPlan("x", InspectionModel("llama", "hf://org/llama", "main"))
SPECS: Final[dict[str, Json]] = {
    "a claim": {},
    "a ConfigMap": {"uri": "configmap://rows/train.jsonl"},
    "the Hub": {"uri": "hf://org/rows", "revision": "abc", "format": "chat", "files": ["train.jsonl"]},
    "an object store": {"uri": "s3://bucket/rows", "secretRef": {"name": "store"}},
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
@pytest.mark.parametrize("plan", [PLAN, WITH_MODEL, FETCHED])
def test_what_it_is_told_keeps_the_contract(spec: Json, plan: InspectionPlan) -> None:
    jsonschema.validate(run_document(registration(**spec), plan, 2), SCHEMA)


def container(spec: Json, plan: InspectionPlan = PLAN) -> Json:
    (found,) = inspection_job(registration(**spec), plan, 1, "IfNotPresent")["spec"]["template"]["spec"]["containers"]
    return dict(found)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_it_writes_nowhere_but_into_scratch_space(spec: Json) -> None:
    writable = [each["mountPath"] for each in container(spec, WITH_MODEL)["volumeMounts"] if not each.get("readOnly")]
    assert writable == ["/tmp"]


def test_a_secret_is_only_ever_referred_to() -> None:
    variables = container(SPECS["an object store"])["env"]
    secret = [each for each in variables if each["name"].startswith("FINETUNE_SECRET_DATASET_0_")]
    assert {each["name"].rpartition("DATASET_0_")[2] for each in secret} >= {"ACCESS_KEY_ID", "SECRET_ACCESS_KEY"}
    assert all(set(each) == {"name", "valueFrom"} for each in secret)


def test_the_name_is_a_function_of_dataset_and_attempt() -> None:
    names = {inspection_job(registration(), PLAN, 3, "Always")["metadata"]["name"] for _ in range(2)}
    assert len(names) == 1
    assert names.pop().endswith("-inspect-3")


def test_its_labels_are_not_those_of_a_job() -> None:
    labels = inspection_job(registration(), PLAN, 1, "Always")["spec"]["template"]["metadata"]["labels"]
    assert {"finetune.dev/dataset", "finetune.dev/dataset-uid"} <= labels.keys()
    assert "finetune.dev/job" not in labels

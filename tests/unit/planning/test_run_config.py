"""The run document is what the contract says, value for value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from jsonschema import Draft202012Validator

from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
from finetune_operator.planning.quantity import cores
from finetune_operator.planning.run_config import Run, mounted_path, run_document, run_json
from tests.unit.planning.scene import a_job, resolved_for

CONTRACT = Path(__file__).parents[3] / "trainer-image" / "contract"
SCHEMA = Draft202012Validator(json.loads((CONTRACT / "run.schema.json").read_text(encoding="utf-8")))
STAGES: tuple[Stage, ...] = ("prepare", "train")


def run(spec: Json | None = None, stage: Stage = "train", attempt: int = 1, **hardware: object) -> Run:
    """An attempt of a job with these fields on this hardware."""
    job = a_job(spec)
    return Run(job, resolved_for(job, cpu="1", **hardware), stage, attempt)


def golden(stage: Stage) -> Json:
    """The example that both sides test against."""
    return cast("Json", json.loads((CONTRACT / "examples" / f"run.{stage}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("stage", STAGES)
def test_a_small_job_is_the_golden_example(stage: Stage) -> None:
    assert run_document(run(stage=stage)) == golden(stage)


SPECS: dict[str, Json] = {
    "with steps": {"hyperparameters": {"steps": 100}},
    "without LoRA": {"hyperparameters": {"lora": {"enabled": False}}},
    "with modules": {"hyperparameters": {"lora": {"targetModules": ["q_proj", "v_proj"]}}},
    "with a validation set": {
        "datasets": [
            {"name": "a", "uri": "pvc://data/a.jsonl"},
            {"name": "a", "split": "validation", "uri": "pvc://data/b.jsonl"},
        ]
    },
    "without hours": {"hours": None},
    "with a second's budget": {"hours": 0.0003},
    "with an output": {"output": {"uri": "pvc://models/out"}},
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("stage", STAGES)
def test_the_schema_accepts_a_job(spec: Json, stage: Stage) -> None:
    SCHEMA.validate(run_document(run(spec, stage, gpu={"count": 8})))


def test_steps_override_the_epochs_that_the_contract_always_wants() -> None:
    hyperparameters = run_document(run({"hyperparameters": {"steps": 100}}))["hyperparameters"]
    assert (hyperparameters["steps"], hyperparameters["epochs"]) == (100, 1)


@pytest.mark.parametrize(("stage", "gpus"), [("prepare", 0), ("train", 8)])
def test_only_training_is_given_gpus(stage: Stage, gpus: int) -> None:
    assert run_document(run(stage=stage, gpu={"count": 8}))["hardware"]["gpus"] == gpus


@pytest.mark.parametrize("stage", STAGES)
def test_the_document_promises_the_cores_that_the_pod_gets(stage: Stage) -> None:
    from finetune_operator.planning.manifests import render_stage  # noqa: PLC0415

    job = a_job()
    planned = Run(job, resolved_for(job, cpu="6500m"), stage, 1)
    limits = render_stage(planned, "Always", None)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert run_document(planned)["hardware"]["cpus"] == cores(limits["cpu"])


@pytest.mark.parametrize(("hours", "seconds"), [(1, 3600), (0.5, 1800), (None, 604_800)])
def test_the_budget_is_in_seconds_and_a_week_when_none_is_given(hours: float | None, seconds: float) -> None:
    assert run_document(run({"hours": hours}))["limits"]["trainingSeconds"] == seconds


@pytest.mark.parametrize(
    ("quantity", "number"),
    [("2", 2), ("500m", 0.5), ("1.5", 1.5), ("0", 0), ("1k", 1000), ("1M", 1e6), ("1Ki", 1024), ("2Gi", 2 * 1024**3)],
)
def test_cores_of_any_quantity(quantity: str, number: float) -> None:
    assert cores(quantity) == number


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("pvc://models", "/inputs/claims/models"),
        ("pvc://models/", "/inputs/claims/models"),
        ("pvc://models.v1/a/b", "/inputs/claims/models.v1/a/b"),
        ("configmap://q/train.jsonl", "/inputs/configmaps/q/train.jsonl"),
    ],
)
def test_a_uri_is_found_in_the_pod_at(uri: str, path: str) -> None:
    assert mounted_path(uri) == path


def test_the_same_run_is_the_same_text() -> None:
    assert run_json(run()) == run_json(run())
    assert json.loads(run_json(run())) == run_document(run())

"""Where the datasets of a job lie, those that it names by reference included; and what it waits for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetSpec
from finetune_operator.api.model import Json
from finetune_operator.planning.resolving.dataset_choice import Registered
from finetune_operator.planning.run_inputs import input_sections
from tests.unit.planning.resolving.shop import SHOP, admitted, refused, spec_of

TICKETS = DatasetSpec.model_validate(
    {
        "uri": "s3://data/tickets",
        "files": ["a.jsonl"],
        "format": "chat",
        "revision": "main",
        "secretRef": {"name": "s3"},
    }
)


def registered(*, valid: bool | None = True, message: str = "", revision: str | None = None) -> dict[str, Registered]:
    """One Dataset of the namespace."""
    return {"tickets": Registered(TICKETS, valid, message, revision)}


def referring(**fields: object) -> list[Json]:
    """Datasets of a job: one by reference."""
    return [{"name": "chat", "datasetRef": {"name": "tickets"}, **fields}]


def resolved_of(datasets: list[Json], found: dict[str, Registered]) -> list[Json]:
    """The datasets as they are recorded."""
    plan = admitted(spec_of(datasets=datasets), replace(SHOP, datasets=found))
    return [each.wire() for each in plan.resolved.datasets]


def test_a_dataset_with_a_place_is_recorded_as_it_was_given_but_for_the_files_that_its_spec_names() -> None:
    given: Json = {"name": "a", "uri": "hf://org/data", "files": ["x.jsonl"], "revision": "v1", "format": "text"}
    given |= {"secretRef": {"name": "hub", "key": "token"}}
    assert resolved_of([given], {}) == [given | {"split": "train", "files": []}]


def test_a_reference_is_replaced_by_what_the_dataset_says() -> None:
    (found,) = resolved_of(referring(), registered())
    assert (found["uri"], found["files"], found["format"], found["revision"]) == (
        "s3://data/tickets", ["a.jsonl"], "chat", "main",
    )  # fmt: skip
    assert found["secretRef"]["name"] == "s3"


def test_the_commit_that_was_inspected_is_the_one_that_is_trained_on() -> None:
    (found,) = resolved_of(referring(), registered(revision="0123abc"))
    assert found["revision"] == "0123abc"


def test_files_and_format_of_the_job_go_before_those_of_the_dataset() -> None:
    (found,) = resolved_of(referring(files=["b.jsonl"], format="text"), registered())
    assert (found["files"], found["format"]) == ([], "text"), "its own files stay in its spec"


WAITING: dict[str, tuple[dict[str, Registered], Reason, str]] = {
    "a Dataset that does not exist": (
        {"ticket": registered()["tickets"]},
        Reason.DATASET_NOT_READY,
        "no Dataset is named 'tickets' in this namespace; did you mean 'ticket'?",
    ),
    "one that nobody has looked at": (
        registered(valid=None, message="inspection runs"),
        Reason.DATASET_NOT_READY,
        "Dataset 'tickets' is not inspected yet: inspection runs",
    ),
    "one that was found invalid": (
        registered(valid=False, message="a.jsonl:3: no messages"),
        Reason.INVALID_DATASET,
        "Dataset 'tickets' is not valid: a.jsonl:3: no messages",
    ),
}


@pytest.mark.parametrize(("found", "reason", "message"), WAITING.values(), ids=WAITING)
def test_a_job_waits_for(found: dict[str, Registered], reason: Reason, message: str) -> None:
    datasets = [{"name": "a", "uri": "pvc://a/a"}, *referring()]
    rejection = refused(spec_of(datasets=datasets), replace(SHOP, datasets=found))
    assert (rejection.reason, rejection.param, rejection.waits) == (reason, "spec.datasets[1].datasetRef", True)
    assert rejection.message == f"spec.datasets[1].datasetRef: {message}"


def test_what_is_recorded_does_not_grow_with_the_files_that_a_job_names() -> None:
    many = [f"{number:03}/{'x' * 240}" for number in range(32)]
    datasets: list[Json] = [
        {"name": f"d{number:062}", "uri": f"s3://bucket/{'y' * 500}", "files": many, "secretRef": {"name": "z" * 63}}
        for number in range(16)
    ]
    plan = admitted(spec_of(datasets=datasets))
    assert len(json.dumps(plan.resolved.wire())) < 16_000


def test_the_run_gets_the_files_of_the_job_else_those_of_the_dataset() -> None:
    for given, files in (({"files": ["b.jsonl"]}, ["b.jsonl"]), ({}, ["a.jsonl"])):
        spec = spec_of(datasets=referring(**given))
        plan = admitted(spec, replace(SHOP, datasets=registered()))
        assert input_sections(spec, plan.resolved)["datasets"][0]["files"] == files

"""No constraint without its refusal: whoever adds one to a model is asked for a manifest that breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from finetune_operator.api.crd import FINETUNEJOB, INSTANCETYPE, Kind, definition
from finetune_operator.api.model import Json
from tests.controlplane import test_crd_instance_type as instance_type
from tests.controlplane import test_crd_job_spec as job_spec

BOUNDS: Final = {
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "pattern",
    "enum",
}


def constraints(node: Json, path: str = "spec") -> Iterator[tuple[str, int]]:
    """Each constrained field below a schema and how many bounds it has."""
    if count := len(node.keys() & BOUNDS):
        yield path, count
    if node.get("x-kubernetes-list-type") in {"set", "map"}:
        yield f"{path}[]", 1  # the server blames the item that is there already
    for name, child in node.get("properties", {}).items():
        yield from constraints(child, f"{path}.{name}")
    if "items" in node:
        yield from constraints(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from constraints(node["additionalProperties"], f"{path}.*")


def required(node: Json, path: str = "spec") -> Iterator[str]:
    """Each field below a schema that must be given."""
    yield from (f"{path}.{name}" for name in node.get("required", ()))
    for name, child in node.get("properties", {}).items():
        yield from required(child, f"{path}.{name}")
    if "items" in node:
        yield from required(node["items"], f"{path}[]")


def spec_of(kind: Kind) -> Json:
    """The schema of a kind's spec."""
    schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(schema["properties"]["spec"])


CASES = {
    "FineTuneJob": (spec_of(FINETUNEJOB), job_spec.REFUSED),
    "InstanceType": (spec_of(INSTANCETYPE), instance_type.REFUSED),
}


@pytest.mark.parametrize(("schema", "refused"), CASES.values(), ids=CASES)
def test_every_bound_of_a_spec_has_a_manifest_that_breaks_it(
    schema: Json, refused: dict[str, tuple[Json, tuple[str, ...]]]
) -> None:
    told = [_general(words[0]) for _, words in refused.values() if "Required value" not in words]
    missing = {path: count - told.count(path) for path, count in constraints(schema) if told.count(path) < count}
    assert not missing


@pytest.mark.parametrize(("schema", "refused"), CASES.values(), ids=CASES)
def test_every_required_field_of_a_spec_has_a_manifest_without_it(
    schema: Json, refused: dict[str, tuple[Json, tuple[str, ...]]]
) -> None:
    told = {_general(words[0]) for _, words in refused.values() if "Required value" in words}
    assert set(required(schema)) <= told


@pytest.mark.parametrize(("schema", "refused"), CASES.values(), ids=CASES)
def test_no_manifest_breaks_a_field_that_is_not_there(
    schema: Json, refused: dict[str, tuple[Json, tuple[str, ...]]]
) -> None:
    known = {path for path, _ in constraints(schema)} | set(required(schema)) | _paths(schema)
    assert {_general(words[0]) for _, words in refused.values()} <= known


def _paths(node: Json, path: str = "spec") -> set[str]:
    found = {path}
    for name, child in node.get("properties", {}).items():
        found |= _paths(child, f"{path}.{name}")
    for key, step in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(node.get(key), dict):
            found |= _paths(node[key], f"{path}{step}")
    return found


def _general(path: str) -> str:
    """``spec.datasets[1].uri`` as ``spec.datasets[].uri``; a label's name as ``*``."""
    return re.sub(r"(nodeSelector)\.\w+", r"\1.*", re.sub(r"\[\d+\]", "[]", path))

"""The samples keep to the schema, which can be checked without a server; so can the mistakes that only a schema is needed for."""

from __future__ import annotations

import copy

import pytest

from tests.controlplane.mistakes import typos
from tests.controlplane.mistakes.mistake import Mistake
from tests.support import samples
from tests.support.filled import SPECS
from tests.support.offline import complaints
from tests.support.trial import manifest

WITH_OURS = [file for file in samples.files() if samples.of_ours(file)]
MISSPELT = typos.TYPOS


@pytest.mark.parametrize("file", WITH_OURS)
def test_a_sample_keeps_to_the_schema(file: str) -> None:
    assert [complaint for body in samples.of_ours(file) for complaint in complaints(body)] == []


def test_there_are_samples_of_every_kind() -> None:
    assert {body["kind"] for file in WITH_OURS for body in samples.of_ours(file)} == set(samples.OURS)


@pytest.mark.parametrize("kind", SPECS)
def test_a_resource_with_every_field_keeps_to_the_schema(kind: str) -> None:
    assert [complaint for spec in SPECS[kind] for complaint in complaints(manifest(kind, "one", spec))] == []


@pytest.mark.parametrize("mistake", MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_field_is_found_without_a_server(mistake: Mistake) -> None:
    parent, _, field = mistake.at.rpartition(".")
    found = complaints(mistake.manifest(mistake.wrong))
    assert any(complaint.startswith(f"{parent}: ") and f"'{field}'" in complaint for complaint in found)
    assert complaints(mistake.manifest(mistake.right)) == []


def test_a_sample_with_a_field_too_many_is_found() -> None:
    body = copy.deepcopy(next(body for file in WITH_OURS for body in samples.of_ours(file)))
    body["specification"] = {}
    assert complaints(body) == ["the manifest: Additional properties are not allowed ('specification' was unexpected)"]


def test_a_resource_of_another_version_is_found() -> None:
    body = manifest("Dataset", "one", SPECS["Dataset"][0]) | {"apiVersion": "finetune.dev/v1"}
    assert complaints(body) == ["apiVersion: 'finetune.dev/v1' is not one of ['finetune.dev/v1alpha1']"]

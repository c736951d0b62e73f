"""A real API server takes every sample and every entry of the shipped catalog, unknown fields refused."""

from __future__ import annotations

import pytest

from tests.support import samples
from tests.support.trial import Trial, manifest

pytestmark = pytest.mark.controlplane

WITH_OURS = [file for file in samples.files() if samples.of_ours(file)]
PARTS = {"InstanceType": "instancetypes", "BaseModel": "basemodels"}


@pytest.mark.parametrize("file", WITH_OURS)
async def test_a_sample_is_accepted(trial: Trial, namespace: str, file: str) -> None:
    for body in samples.of_ours(file):
        assert (await trial.accepted(body, namespace))["metadata"]["name"] == body["metadata"]["name"]


@pytest.mark.parametrize("kind", PARTS)
async def test_every_entry_of_the_shipped_catalog_is_accepted(trial: Trial, kind: str) -> None:
    entries = samples.shipped(PARTS[kind])
    refusals = {name: await trial.refusal(manifest(kind, name, spec)) for name, spec in entries.items()}
    assert {name: words for name, words in refusals.items() if words} == {}

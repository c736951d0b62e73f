"""How large definitions and resources are, and that a resource goes over the wire as it came."""

from __future__ import annotations

import json
from typing import Final

import pytest

from finetune_operator.api.crd import FINETUNEJOB, KINDS, Kind, definition, rendered
from finetune_operator.api.model import ApiModel, Json
from tests.support.bounds import located, nodes
from tests.support.filled import LANGUAGE_JOB, ROBOT_JOB, SPECS
from tests.support.filled_status import LANGUAGE_STATUS, NOON, ROBOT_STATUS, STATUSES
from tests.support.trial import manifest

LARGEST_DEFINITION: Final = 200_000
LARGEST_JOB: Final = 10_000

METADATA: Final[Json] = {
    "name": "support-bot-with-a-name-of-forty-letters",
    "namespace": "customer-support",
    "uid": "2489e9ad-2ee2-4e00-8ec9-32d5f69181c0",
    "resourceVersion": "184467440",
    "generation": 4,
    "creationTimestamp": NOON,
    "labels": {"app.kubernetes.io/part-of": "support", "finetune.dev/project": "2489e9ad"},
    "annotations": {"finetune.dev/owner": "support@platform.example"},
    "finalizers": ["finetune.dev/children"],
}
JOBS: Final = {"a language model": (LANGUAGE_JOB, LANGUAGE_STATUS), "a robot policy": (ROBOT_JOB, ROBOT_STATUS)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_definition_is_well_below_what_the_server_takes(kind: Kind) -> None:
    text = rendered()[f"{kind.plural}.finetune.dev.yaml"]
    assert len(text.encode()) < LARGEST_DEFINITION
    assert len(json.dumps(definition(kind)).encode()) < LARGEST_DEFINITION


@pytest.mark.parametrize(("spec", "status"), JOBS.values(), ids=JOBS)
def test_a_filled_job_stays_below_ten_kilobytes_with_its_status(spec: Json, status: Json) -> None:
    body = manifest(FINETUNEJOB, "x", spec) | {"metadata": METADATA, "status": status}
    assert len(json.dumps(body, separators=(",", ":")).encode()) < LARGEST_JOB


ROUND_TRIPS: Final = {
    **{f"{kind.kind} spec {n}": (kind.spec, spec) for kind in KINDS for n, spec in enumerate(SPECS[kind.kind])},
    **{
        f"{kind.kind} status {n}": (kind.status, status)
        for kind in KINDS
        for n, status in enumerate(STATUSES[kind.kind])
    },
}


@pytest.mark.parametrize(("model", "wire"), ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_what_came_over_the_wire_goes_back_as_it_was(model: type[ApiModel], wire: Json) -> None:
    once = model.model_validate(wire)
    assert once.model_dump(mode="json", by_alias=True, exclude_unset=True) == wire
    assert model.model_validate(once.wire()) == once
    assert model.model_validate(once.wire()).wire() == once.wire()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_examples_have_every_field(kind: Kind) -> None:
    properties = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for part, examples in (("spec", SPECS[kind.kind]), ("status", STATUSES[kind.kind])):
        paths = [path for path, _ in nodes(properties[part], "spec")]
        empty = [path for path in paths if not any(list(located(example, path)) for example in examples)]
        assert not empty, part

"""An instance type that contradicts itself is told apart, with the field first; what is merely left out is not."""

from __future__ import annotations

import pytest

from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Broken, BrokenEntryError, read_catalog
from finetune_operator.catalog.soundness import contradictions_of_instance_type, gaps_of_instance_type

SMALL: Json = {"cpu": "2", "memory": "4Gi"}
PINNED = {"nodeSelector": {"topology.kubernetes.io/region": "eu-1"}}


def found(**spec: object) -> list[str]:
    return list(contradictions_of_instance_type(InstanceTypeSpec.model_validate(SMALL | spec)))


def test_a_plain_one_is_sound() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"memory": "128Mi", "sharedMemory": "64Mi"}, "memory is 128Mi: at least 256Mi"),
        ({"sharedMemory": "4Gi"}, "sharedMemory is 4Gi, and memory, which it counts against, is 4Gi"),
        ({"sharedMemory": "5000Mi"}, "sharedMemory is 5000Mi"),
        (
            {"gpu": {"count": 1, "resourceName": "gpu"}},
            "gpu.resourceName is gpu: it must be as a device plugin names it",
        ),
        ({"gpu": {"count": 1, "resourceName": "cpu"}}, "gpu.resourceName is cpu"),
        (
            {"gpu": {"count": 1, "memory": "80"}},
            "gpu.memory is 80, which is 80 bytes: one GPU has at least 1Gi; did you mean 80Gi?",
        ),
        ({"gpu": {"count": 1, "memory": "512Mi"}}, "gpu.memory is 512Mi, which is 536,870,912 bytes: one GPU has at"),
        (
            {"gpu": {"count": 1, "peakTflops": 989_000}},
            "gpu.peakTflops is 989000: one GPU has at most 20000 TFLOPS; did you mean 989, as 989000 GFLOPS are?",
        ),
        ({**PINNED, "regions": [{"name": "eu-1"}, {"name": "us-1"}]}, "demands topology.kubernetes.io/region eu-1"),
        ({**PINNED, "regions": [{"name": "us-1"}]}, "and regions offers us-1 too"),
    ],
)
def test_a_contradiction_names_its_field_what_was_given_and_what_is_allowed(spec: Json, words: str) -> None:
    (sentence,) = found(**spec)
    assert words in sentence


@pytest.mark.parametrize(
    "spec",
    [
        {"memory": "256Mi", "sharedMemory": "64Mi"},
        {"gpu": {"count": 2, "resourceName": "amd.com/gpu"}},
        {"gpu": {"count": 1, "memory": "1Gi", "peakTflops": 20_000}},
        {"gpu": {"count": 1, "memory": "85899345920"}},
        {**PINNED, "regions": [{"name": "eu-1"}]},
        PINNED,
        {"memory": "1.5Gi"},
    ],
)
def test_what_is_just_allowed_is_sound(spec: Json) -> None:
    assert found(**spec) == []


def test_what_is_missing_is_told_with_what_it_costs() -> None:
    spec = InstanceTypeSpec.model_validate({**SMALL, "gpu": {"count": 1}})
    said = "; ".join(gaps_of_instance_type(spec))
    assert "gpu.memory is missing: no job is checked for fit" in said
    assert "gpu.peakTflops is missing: jobs get no estimate" in said
    assert "pricePerHour is missing: costs are not shown" in said


def test_a_contradictory_entry_is_refused_to_who_asks_for_it_and_offered_to_nobody() -> None:
    catalog = read_catalog({"good": SMALL, "bad": {**SMALL, "sharedMemory": "8Gi"}}, {})
    assert [name for name, _ in catalog.usable_instance_types()] == ["good"]
    with pytest.raises(BrokenEntryError, match="InstanceType 'bad' is unusable: sharedMemory is 8Gi"):
        catalog.instance_type("bad")


def test_all_contradictions_of_an_entry_are_told_at_once() -> None:
    catalog = read_catalog({"bad": {"cpu": "1", "memory": "100Mi"}}, {})
    broken = catalog.instance_types["bad"]
    assert isinstance(broken, Broken)
    assert broken.readable
    assert broken.why.startswith("memory is 100Mi: at least 256Mi")
    assert "; sharedMemory is 1Gi" in broken.why


def test_an_entry_that_cannot_be_read_is_told_apart_from_a_contradictory_one() -> None:
    broken = read_catalog({"bad": {"cpu": "1"}}, {}).instance_types["bad"]
    assert isinstance(broken, Broken)
    assert not broken.readable

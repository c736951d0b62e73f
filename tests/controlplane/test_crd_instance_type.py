"""Every constraint of InstanceType.spec on a real API server, accepted and refused."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import Invalid
from finetune_operator.cluster.resources import INSTANCETYPES
from tests.support.objects import instance_type

pytestmark = pytest.mark.controlplane

TOGETHER = "pricePerHour and currency belong together: give both or neither"

ACCEPTED: dict[str, Json] = {
    "the smallest type": {},
    "quantities of every form": {"cpu": "500m", "memory": "1.5Gi", "ephemeralStorage": "10G", "sharedMemory": 1024},
    "the most GPUs": {"gpu": {"count": 64}},
    "another vendor's GPUs": {
        "gpu": {"count": 1, "resourceName": "amd.com/gpu", "product": "MI300X", "memory": "192Gi"}
    },
    "a price": {"pricePerHour": 0, "currency": "EUR"},
    "a node selector": {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "empty": ""}},
    "tolerations of every form": {
        "tolerations": [
            {"operator": "Exists"},
            {"key": "a", "value": "b", "effect": "NoSchedule"},
            {"key": "a", "operator": "Exists", "effect": "NoExecute"},
            {"key": "a", "value": "", "effect": "PreferNoSchedule"},
        ]
    },
    "the longest description": {"description": "d" * 1024},
}

NO_QUANTITIES: dict[str, tuple[object, tuple[str, ...]]] = {
    "in words": ("two", ('"two"', "should match")),
    "with a blank": ("4 Gi", ('"4 Gi"', "should match")),
    "with a strange suffix": ("1GB", ('"1GB"', "should match")),
    "of nothing": (0, ("0", "greater than or equal to 1")),
    "of nothing in words": ("0.0Gi", ('"0.0Gi"', "should match")),
    "of too many digits": ("1" * 33, ("Too long", "32")),
}

Refusals = dict[str, tuple[Json, tuple[str, ...]]]

BY_QUANTITY: Refusals = {
    f"{field} {what}": ({field: given}, (f"spec.{field}", *words))
    for field in ("cpu", "memory", "ephemeralStorage", "sharedMemory")
    for what, (given, words) in NO_QUANTITIES.items()
}
BY_GPU_MEMORY: Refusals = {
    f"GPU memory {what}": ({"gpu": {"count": 1, "memory": given}}, ("spec.gpu.memory", *words))
    for what, (given, words) in NO_QUANTITIES.items()
}

BY_FIELD: Refusals = {
    "no CPU": ({"cpu": None}, ("spec.cpu", "Required value")),
    "no memory": ({"memory": None}, ("spec.memory", "Required value")),
    "no GPUs but the word": ({"gpu": {}}, ("spec.gpu.count", "Required value")),
    "no GPUs": ({"gpu": {"count": 0}}, ("spec.gpu.count", "0", "greater than or equal to 1")),
    "too many GPUs": ({"gpu": {"count": 65}}, ("spec.gpu.count", "65", "less than or equal to 64")),
    "too long a resource": ({"gpu": {"count": 1, "resourceName": "a" * 254}}, ("spec.gpu.resourceName", "Too long", "253")),
    "too long a product": ({"gpu": {"count": 1, "product": "a" * 129}}, ("spec.gpu.product", "Too long", "128")),
    "a price without a currency": ({"pricePerHour": 1}, ("spec", TOGETHER)),
    "a currency without a price": ({"currency": "EUR"}, ("spec", TOGETHER)),
    "a negative price": (
        {"pricePerHour": -1, "currency": "EUR"},
        ("spec.pricePerHour", "-1", "greater than or equal to 0"),
    ),
    "too high a price": (
        {"pricePerHour": 1_000_001, "currency": "EUR"},
        ("spec.pricePerHour", "1000001", "less than or equal to 1000000"),
    ),
    "a currency in small letters": (
        {"pricePerHour": 1, "currency": "eur"},
        ("spec.currency", '"eur"', "should match '^[A-Z]{3}$'"),
    ),
    "too long a currency": ({"pricePerHour": 1, "currency": "EURO"}, ("spec.currency", "Too long", "3")),
    "too long a description": ({"description": "d" * 1025}, ("spec.description", "Too long", "1024")),
    "too long a label": ({"nodeSelector": {"a": "b" * 64}}, ("spec.nodeSelector.a", "Too long", "63")),
    "too many labels": (
        {"nodeSelector": {f"l{n}": "x" for n in range(17)}},
        ("spec.nodeSelector", "17", "at most 16 items"),
    ),
    "too many tolerations": (
        {"tolerations": [{"operator": "Exists"}] * 17},
        ("spec.tolerations", "17", "at most 16 items"),
    ),
    "a strange operator": (
        {"tolerations": [{"key": "a", "operator": "In"}]},
        ("spec.tolerations[0].operator", '"In"', 'supported values: "Exists", "Equal"'),
    ),
    "a strange effect": (
        {"tolerations": [{"key": "a", "effect": "Never"}]},
        ("spec.tolerations[0].effect", '"Never"', '"NoSchedule", "PreferNoSchedule", "NoExecute"'),
    ),
    "too long a key": (
        {"tolerations": [{"key": "a" * 318, "operator": "Exists"}]},
        ("spec.tolerations[0].key", "Too long", "317"),
    ),
    "too long a value": (
        {"tolerations": [{"key": "a", "value": "b" * 64}]},
        ("spec.tolerations[0].value", "Too long", "63"),
    ),
    "a toleration of everything that equals something": (
        {"tolerations": [{"value": "b"}]},
        ("spec.tolerations[0]", "without a key a toleration needs operator Exists"),
    ),
    "a value that nobody compares": (
        {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
        ("spec.tolerations[0]", "operator Exists takes no value", "b"),
    ),
}  # fmt: skip

REFUSED: Refusals = BY_FIELD | BY_QUANTITY | BY_GPU_MEMORY


def manifest(spec: Json) -> Json:
    """The smallest type with these fields; None takes one away."""
    body = instance_type(f"type-{secrets.token_hex(4)}")
    merged = body["spec"] | spec
    return body | {"spec": {key: value for key, value in merged.items() if value is not None}}


@pytest.fixture
async def stored(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[Json]:
    """The type as the API server keeps it; it belongs to no namespace and is removed here."""
    body = await cluster.create(INSTANCETYPES, None, manifest(request.param))
    yield body
    await cluster.delete(INSTANCETYPES, None, body["metadata"]["name"])


@pytest.mark.parametrize("stored", ACCEPTED.values(), ids=ACCEPTED, indirect=True)
async def test_it_accepts(stored: Json) -> None:
    assert stored["spec"]["sharedMemory"]


@pytest.mark.parametrize(("spec", "words"), REFUSED.values(), ids=REFUSED)
async def test_it_refuses(cluster: Cluster, spec: Json, words: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refusal:
        await cluster.create(INSTANCETYPES, None, manifest(spec))
    for word in words:
        assert word in refusal.value.message


@pytest.mark.parametrize("stored", [{"gpu": {"count": 1}}], indirect=True)
async def test_defaults_are_filled_in(stored: Json) -> None:
    assert stored["spec"]["gpu"] == {"count": 1, "resourceName": "nvidia.com/gpu"}
    assert stored["spec"]["sharedMemory"] == "1Gi"

"""Every bound, every required field and every type of every kind on a real API server: one value outside, one inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from finetune_operator.api.crd import KINDS, Kind, definition
from finetune_operator.api.model import Json
from tests.support.bounds import Bound, bounds, located, nodes, put
from tests.support.filled import SPECS
from tests.support.trial import Trial, manifest

pytestmark = pytest.mark.controlplane


def spec_of(kind: Kind) -> Json:
    """The schema of a kind's spec."""
    schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return dict(schema["properties"]["spec"])


def first(kind: Kind, path: str) -> tuple[Json, str, object]:
    """A filled spec that has the field, the field's place in it and its value."""
    return next((spec, place, value) for spec in SPECS[kind.kind] for place, value in located(spec, path))


def cases() -> Iterator[tuple[str, Kind, Bound, Json, str]]:
    """Each bound with a spec that is filled in and the place of the field."""
    for kind in KINDS:
        for path, node in nodes(spec_of(kind)):
            spec, place, value = first(kind, path)
            for bound in bounds(path, node, value):
                yield f"{kind.kind} {path} {bound.keyword}", kind, bound, spec, place


CASES: Final = {name: case for name, *case in cases()}


@pytest.mark.parametrize(("kind", "bound", "spec", "place"), CASES.values(), ids=CASES)
async def test_a_value_outside_is_refused_with_the_field_and_the_bound(
    trial: Trial, kind: Kind, bound: Bound, spec: Json, place: str
) -> None:
    answer = await trial.refusal(manifest(kind, "the-one", _with(spec, place, bound.outside)))
    assert f"{place}{bound.at}: " in answer
    assert bound.words in answer
    if bound.inside is not None:
        assert bound.words not in await trial.refusal(manifest(kind, "the-one", _with(spec, place, bound.inside)))


def _with(spec: Json, place: str, value: object) -> Json:
    return dict(value) if place == "spec" and isinstance(value, dict) else put(spec, place, value)

"""The generated schema keeps to the part of OpenAPI that the API server allows in a CustomResourceDefinition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from finetune_operator.api.crd import KINDS, Kind, definition
from finetune_operator.api.model import ApiModel, Json, Quantity, Rule
from finetune_operator.api.openapi import KEPT, structural_schema

ALLOWED = KEPT | {
    "additionalProperties", "anyOf", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
}  # fmt: skip


class Part(ApiModel):
    """A part."""

    rules: ClassVar[tuple[Rule, ...]] = (Rule("self.size > 1", "size must be above 1", "'given %d'", ".size"),)

    size: Annotated[int, Field(ge=1)] = 1
    """How large."""


class Whole(ApiModel):
    """A whole."""

    colour: Literal["red", "green"]
    kind: Literal["only"] = "only"
    share: Annotated[float, Field(gt=0, lt=1)]
    part: Part | None = None
    """One part, or none."""
    parts: Annotated[tuple[Part, ...], Field(max_length=3)] = ()
    labels: dict[str, Annotated[str, Field(max_length=9)]] | None = None
    amount: Quantity = "1Gi"


SCHEMA = structural_schema(Whole)["properties"]
FREE_FORM = {
    ".spec.hyperparameters.extra",
    ".spec.reward.hyperparameters",
    ".status.resolved.hyperparameters.extra",
}
"""What a trainer takes as it is."""


def nodes(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema in a schema, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}[]")


def every_node(kind: Kind) -> list[tuple[str, Json]]:
    return list(nodes(definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))


def test_an_optional_part_is_inlined_without_its_null_branch_and_keeps_its_own_words() -> None:
    assert SCHEMA["part"]["type"] == "object"
    assert SCHEMA["part"]["description"] == "One part, or none."
    assert SCHEMA["part"]["properties"]["size"] == {
        "default": 1, "description": "How large.", "minimum": 1, "type": "integer",
    }  # fmt: skip


def test_the_rules_of_a_part_travel_with_it_wherever_it_stands() -> None:
    rule = {
        "rule": "self.size > 1",
        "message": "size must be above 1",
        "messageExpression": "'given %d'",
        "fieldPath": ".size",
    }
    assert SCHEMA["part"]["x-kubernetes-validations"] == [rule]
    assert SCHEMA["parts"]["items"]["x-kubernetes-validations"] == [rule]


def test_exclusive_bounds_become_the_pair_that_the_older_schema_has() -> None:
    assert SCHEMA["share"] == {
        "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True, "type": "number",
    }  # fmt: skip


def test_a_constant_becomes_an_enum_of_one() -> None:
    assert SCHEMA["kind"]["enum"] == ["only"]


def test_empty_defaults_are_left_out() -> None:
    assert "default" not in SCHEMA["parts"]


def test_a_quantity_may_be_a_number_or_text() -> None:
    assert SCHEMA["amount"]["x-kubernetes-int-or-string"] is True
    assert SCHEMA["amount"]["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert SCHEMA["amount"]["default"] == "1Gi"


def test_a_map_says_what_its_values_are() -> None:
    assert SCHEMA["labels"] == {"type": "object", "additionalProperties": {"type": "string", "maxLength": 9}}


def test_a_union_is_refused_because_a_structural_schema_has_none() -> None:
    class Either(ApiModel):
        """A field of two types."""

        value: int | str

    with pytest.raises(TypeError, match="no unions"):
        structural_schema(Either)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
class TestOurKinds:
    def test_use_only_keywords_that_the_api_server_knows(self, kind: Kind) -> None:
        strange = {path: sorted(node.keys() - ALLOWED) for path, node in every_node(kind) if node.keys() - ALLOWED}
        assert not strange

    def test_give_every_field_a_type(self, kind: Kind) -> None:
        bare = [p for p, node in every_node(kind) if "type" not in node and "x-kubernetes-int-or-string" not in node]
        assert not bare

    def test_explain_every_field(self, kind: Kind) -> None:
        silent = [
            path
            for path, node in every_node(kind)
            if not node.get("description")
            and path not in {".apiVersion", ".kind", ".metadata"}
            and not path.endswith("[]")
        ]
        assert not silent

    def test_bound_every_text_list_and_map_of_a_spec_so_that_rules_stay_within_their_cost(self, kind: Kind) -> None:
        unbounded = [
            path
            for path, node in every_node(kind)
            if path.startswith(".spec.") and not _bounded(node) and not _closed(node)
        ]
        assert not unbounded

    def test_close_every_object_or_say_what_its_values_are(self, kind: Kind) -> None:
        open_ones = {
            path
            for path, node in every_node(kind)
            if node.get("type") == "object" and not node.keys() & {"properties", "additionalProperties"}
        }
        assert open_ones <= {".metadata"} | FREE_FORM

    def test_keep_unknown_fields_where_only_a_trainer_knows_them(self, kind: Kind) -> None:
        kept = {path for path, node in every_node(kind) if "x-kubernetes-preserve-unknown-fields" in node}
        assert kept <= FREE_FORM

    def test_key_every_list_of_objects_that_several_owners_may_write(self, kind: Kind) -> None:
        """So that server-side apply merges them; in what an owner writes whole, the order counts."""
        bare = {
            path
            for path, node in every_node(kind)
            if path.startswith(".spec.")
            and node.get("items", {}).get("type") == "object"
            and node.get("x-kubernetes-list-type") != "map"
        }
        assert bare <= {".spec.tolerations", ".spec.podTemplate.tolerations"}

    def test_have_the_operator_own_each_part_of_the_status_but_its_conditions_as_a_whole(self, kind: Kind) -> None:
        parts = {path: node for path, node in every_node(kind) if re.fullmatch(r"\.status\.\w+", path)}
        for path, node in parts.items():
            types = {node.get("x-kubernetes-map-type"), node.get("x-kubernetes-list-type")} - {None}
            owned = {"map"} if path == ".status.conditions" else {"atomic"}
            assert types == (owned if node["type"] in {"object", "array"} else set()), path

    def test_key_a_list_by_fields_that_are_always_there(self, kind: Kind) -> None:
        """The API server refuses a key that is neither required nor defaulted."""
        for path, node in every_node(kind):
            items = node.get("items", {})
            for key in node.get("x-kubernetes-list-map-keys", ()):
                assert key in items.get("required", ()) or "default" in items["properties"][key], path


def _bounded(node: Json) -> bool:
    return bool(node.keys() & {"maxLength", "maxItems", "maxProperties", "enum"})


def _closed(node: Json) -> bool:
    return node.get("type") in {"integer", "number", "boolean"} or "properties" in node

"""Checking a manifest against the generated schemas without a server: bounds, types and unknown fields, but no CEL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from jsonschema import Draft4Validator

from finetune_operator.api.crd import KINDS, definition
from finetune_operator.api.model import Json

OURS: Final = {kind.kind: kind for kind in KINDS}
METADATA: Final[Json] = {"type": "object", "required": ["name"]}


def complaints(body: Json) -> list[str]:
    """What is wrong with a resource of ours, each with its field. Raises KeyError for another's."""
    return sorted(_told(body))


def _told(body: Json) -> Iterator[str]:
    for error in _validator(body["kind"]).iter_errors(body):
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        yield f"{place.lstrip('.') or 'the manifest'}: {error.message}"


@cache
def _validator(kind: str) -> Draft4Validator:
    """Draft 4, because there ``exclusiveMinimum`` is the flag that it is in a CustomResourceDefinition."""
    version = definition(OURS[kind])["spec"]["versions"][0]
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    group = definition(OURS[kind])["spec"]["group"]
    return Draft4Validator(
        {
            "type": "object",
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "additionalProperties": False,
            "properties": {
                "apiVersion": {"enum": [f"{group}/{version['name']}"]},
                "kind": {"enum": [kind]},
                "metadata": METADATA,
                "spec": _closed(properties["spec"]),
                "status": {},
            },
        }
    )


def _closed(node: Json) -> Json:
    """The schema with no field besides those that it has."""
    closed = dict(node)
    if "properties" in node:
        closed["properties"] = {name: _closed(child) for name, child in node["properties"].items()}
        closed["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            closed[key] = _closed(node[key])
    if node.get("x-kubernetes-preserve-unknown-fields"):
        closed.pop("additionalProperties", None)
    if node.get("x-kubernetes-list-type") == "set":
        closed["uniqueItems"] = True
    return closed

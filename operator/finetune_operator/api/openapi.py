"""A pydantic model as a structural schema, the part of OpenAPI that a CustomResourceDefinition may use.

Pydantic emits JSON Schema 2020-12; the API server refuses or misreads much of it: references, null branches, numeric
exclusive bounds, const, titles. Everything that is turned here is turned for one of those.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

from pydantic import BaseModel

from finetune_operator.api.model import ApiModel, Json

KEPT = frozenset(
    {
        "default", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems",
        "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "pattern",
        "properties", "required", "type",
    }
)  # fmt: skip


def structural_schema(model: type[BaseModel]) -> Json:
    """The schema of a model, inlined, with the CEL rules of each part."""
    document = model.model_json_schema(by_alias=True, mode="validation")
    definitions = document.get("$defs", {})
    return _convert({**document, "x-model": model.__name__}, definitions, _models_by_name(model))


def _models_by_name(root: type[BaseModel]) -> dict[str, type[ApiModel]]:
    """Every API model by its class name, which is how pydantic names definitions. The root's own name is there too."""
    found: dict[str, type[ApiModel]] = {}
    pending: list[type[ApiModel]] = [ApiModel]
    while pending:
        for child in pending.pop().__subclasses__():
            found[child.__name__] = child
            pending.append(child)
    if root.__name__ not in found:
        raise TypeError(f"{root.__name__} is not an ApiModel")
    return found


def _convert(node: Json, definitions: Json, models: dict[str, type[ApiModel]]) -> Json:
    node = _inlined(node, definitions)
    if "x-kubernetes-int-or-string" in node:
        return _int_or_string(node)
    result: Json = {key: value for key, value in node.items() if key in KEPT or key.startswith("x-kubernetes-")}
    _drop_null_default(result)
    _boolean_bounds(result)
    if "const" in node:
        result |= {"type": "string", "enum": [node["const"]]}
    if "items" in node:
        result["items"] = _convert(node["items"], definitions, models)
    if "properties" in node:
        result["properties"] = {
            name: _convert(child, definitions, models) for name, child in node["properties"].items()
        }
    if isinstance(node.get("additionalProperties"), dict):
        result["additionalProperties"] = _convert(node["additionalProperties"], definitions, models)
    if rules := _rules(node, models):
        result["x-kubernetes-validations"] = rules
    return result


def _inlined(node: Json, definitions: Json) -> Json:
    """The node with its reference or its one branch that is not null merged in. Its own words win."""
    if "anyOf" in node:
        branches = [branch for branch in node["anyOf"] if branch.get("type") != "null"]
        if len(branches) != 1:
            raise TypeError(f"a structural schema has no unions: {node}")
        node = {**_inlined(branches[0], definitions), **{k: v for k, v in node.items() if k != "anyOf"}}
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        # The name of the definition finds its rules again after inlining.
        node = {**target, "x-model": target.get("title"), **{k: v for k, v in node.items() if k != "$ref"}}
    return node


def _int_or_string(node: Json) -> Json:
    """The one form that the API server accepts for a value that may be written as 2 or as "2"."""
    kept = {
        key: node[key]
        for key in ("default", "description", "maxLength", "minimum", "pattern")
        if node.get(key) is not None
    }
    return {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True, **kept}


def _drop_null_default(result: Json) -> None:
    """No default of null, and none of an empty list or object: absent says the same and changes no stored object."""
    if "default" in result and result["default"] in (None, [], {}):
        del result["default"]


def _boolean_bounds(result: Json) -> None:
    """``exclusiveMinimum: 0`` is ``minimum: 0, exclusiveMinimum: true`` in the older schema that CRDs use."""
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in result:
            result[inclusive] = result[exclusive]
            result[exclusive] = True


def _rules(node: Json, models: dict[str, type[ApiModel]]) -> list[Json]:
    name = cast("str | None", node.get("x-model"))
    if node.get("type") != "object" or name not in models:
        return []
    return [rule.schema() for rule in models[name].rules]


def described(model: type[Any], schema: Json) -> Json:
    """The schema with the model's docstring as description, for ``kubectl explain``."""
    return {"description": inspect.cleandoc(model.__doc__ or ""), **schema}

"""The bounds of a schema, and for each one a manifest just outside of it and one just inside.

They are derived from the schema and not written down: what is tried here is that the API server enforces every bound
of every field and answers with the field and the bound. What the bounds should be is said by the tables of mistakes.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from finetune_operator.api.model import Json

TEXTS: Final = {
    "minLength": "should be at least {0} chars long",
    "maxLength": "may not be more than {0} bytes",
    "minItems": "should have at least {0} items",
    "maxItems": "must have at most {0} items",
    "minProperties": "should have at least {0} properties",
    "maxProperties": "must have at most {0} items",
    "enum": "supported values: {0}",
    "pattern": "should match '{0}'",
    "minimum": "should be greater than or equal to {0}",
    "maximum": "should be less than or equal to {0}",
}
"""How the API server tells each bound."""
TYPES: Final = {"integer", "number", "boolean"}
NO_NAME: Final = "no such thing!"
"""Breaks every pattern of ours."""


@dataclass(frozen=True)
class Bound:
    """One bound of one field, with values on both sides of it."""

    path: str
    keyword: str
    outside: Any
    words: str
    inside: Any = None
    """The last value that the bound allows; none where there is nothing between."""
    at: str = ""
    """What the answer blames, below ``path``: the second of two that are alike."""


def nodes(node: Json, path: str = "spec") -> Iterator[tuple[str, Json]]:
    """Every schema below a schema; ``[]`` stands for an item and ``*`` for the value of a map."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}.*")


def located(spec: Json, path: str) -> Iterator[tuple[str, Any]]:
    """Each value of a path in a spec, with its place as the API server names it: ``spec.datasets[0].uri``."""
    yield from _below(spec, re.findall(r"\[\]|[^.\[\]]+", path)[1:], "spec")


def put(spec: Json, place: str, value: object) -> Json:
    """A copy of the spec with this value at the place; a value of ``...`` takes the field away."""
    result = copy.deepcopy(spec)
    *steps, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", place)[1:]]
    node: Any = result
    for step in steps:
        node = node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return result


def bounds(path: str, node: Json, value: Any) -> Iterator[Bound]:
    """Every bound of one schema, around a value that it accepts."""
    for keyword in node.keys() & TEXTS.keys():
        outside, inside = _sides(keyword, node, value)
        yield Bound(path, keyword, outside, _words(keyword, node), inside)
    for name in node.get("required", ()):
        left = {key: kept for key, kept in value.items() if key != name}
        yield Bound(path, f"required {name}", left, "Required value", at=f".{name}")
    if node.get("x-kubernetes-list-type") in {"set", "map"}:
        yield Bound(path, "unique", [value[0], value[0]], "Duplicate value", at="[1]")
    if node.get("type") in TYPES:
        yield Bound(path, "type", "some text", f"must be of type {node['type']}")


def _below(value: Any, steps: list[str], place: str) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield place, value
        return
    step, *rest = steps
    if step == "[]":
        for number, item in enumerate(value):
            yield from _below(item, rest, f"{place}[{number}]")
    elif step == "*":
        for key, item in value.items():
            yield from _below(item, rest, f"{place}.{key}")
    elif step in value:
        yield from _below(value[step], rest, f"{place}.{step}")


def _words(keyword: str, node: Json) -> str:
    if node.get(f"exclusive{keyword.capitalize()}"):
        return TEXTS[keyword].replace("or equal to ", "").format(_plain(node[keyword]))
    limit = node[keyword]
    return TEXTS[keyword].format(", ".join(f'"{word}"' for word in limit) if keyword == "enum" else _plain(limit))


def _plain(limit: object) -> object:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _sides(keyword: str, node: Json, value: Any) -> tuple[Any, Any]:
    """A value outside of the bound and, where one is easily made, the last one inside."""
    limit = node[keyword]
    if keyword in {"pattern", "enum"}:
        return NO_NAME[: node.get("maxLength")], value
    if keyword in {"minimum", "maximum"}:
        return _numbers(keyword, node)
    size = limit + (1 if keyword.startswith("max") else -1)
    return _of_size(node, value, size), _of_size(node, value, limit)


def _numbers(keyword: str, node: Json) -> tuple[Any, Any]:
    limit = node[keyword]
    if node.get(f"exclusive{keyword.capitalize()}"):
        return limit, limit + (1e-6 if keyword == "minimum" else -1e-6)
    return limit + (1 if keyword == "maximum" else -1), limit


def _of_size(node: Json, value: Any, size: int) -> Any:
    if isinstance(value, list):
        return value[:size] + [_another(node, value[0], number) for number in range(size - len(value))]
    if isinstance(value, dict):
        example = next(iter(value.values()))
        more = {f"more{number}": _varied(example, number) for number in range(size - len(value))}
        return dict([*value.items()][:size]) | more
    if "x-kubernetes-int-or-string" in node:
        return "1" * size
    return value[:size] + value[-1] * (size - len(value))


def _another(node: Json, item: Any, number: int) -> Any:
    """A further item, told apart by its keys."""
    keys = node.get("x-kubernetes-list-map-keys", ())
    if not isinstance(item, dict):
        return _varied(item, number) if isinstance(item, str) else item
    free = [key for key in keys if "enum" not in node["items"]["properties"][key]]
    return item | {key: _varied(item[key], number) for key in free}


def _varied(value: Any, number: int) -> Any:
    return f"{value}{number}" if isinstance(value, str) else value

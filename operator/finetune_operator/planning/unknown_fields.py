"""Fields that a user wrote and the API server dropped, as the manifest that kubectl last applied still shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.model import Json
from finetune_operator.api.openapi import structural_schema
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.assess import MOST_WARNINGS

MOST_TOLD: Final = 8
LONGEST_SENTENCE: Final = 512
LARGEST_MANIFEST: Final = 262_144
"""The API server keeps no annotations beyond."""
NO_SUCH_FIELD: Final = ": no such field"
TOP: Final = ("apiVersion", "kind", "metadata", "spec", "status")


@dataclass(frozen=True)
class _Node:
    """One place of the schema: the fields that it has, or what holds of everything below it."""

    fields: Mapping[str, Json]
    each: Json | None = None
    free: bool = False


@lru_cache(maxsize=256)
def unknown_fields(manifest: str) -> tuple[str, ...]:
    """A sentence for each field of a manifest, as JSON text, that no FineTuneJob has; at most eight.

    Most calls are about a manifest that was seen before: every status that is written brings it along again.
    """
    try:
        document = json.loads(manifest) if len(manifest) <= LARGEST_MANIFEST else None
    except ValueError:
        return ()
    if not isinstance(document, dict):
        return ()
    found = [*_unknown_on_top(document), *_unknown(document.get("spec"), _schema(), "spec")]
    return tuple(sentence[:LONGEST_SENTENCE] for sentence in found[:MOST_TOLD])


def with_unknown_fields(status: FineTuneJobStatus, sentences: tuple[str, ...]) -> FineTuneJobStatus:
    """The status with these sentences first among its warnings, in place of earlier ones."""
    others = [warning for warning in status.warnings if NO_SUCH_FIELD not in warning]
    return status.model_copy(update={"warnings": (*sentences, *others)[:MOST_WARNINGS]})


def _unknown_on_top(document: Json) -> Iterator[str]:
    for name in document:
        if name not in TOP:
            yield _sentence(name, name, TOP)


def _unknown(value: object, schema: Json, path: str) -> Iterator[str]:
    node = _node(schema)
    if node.free:
        return
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, schema.get("items") or {}, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if node.each is not None:
                yield from _unknown(inner, node.each, f"{path}.{name}")
            elif name in node.fields:
                yield from _unknown(inner, node.fields[name], f"{path}.{name}")
            elif node.fields:
                yield _sentence(f"{path}.{name}", name, node.fields)


def _node(schema: Json) -> _Node:
    free = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return _Node(schema.get("properties") or {}, schema.get("additionalProperties"), free)


def _sentence(path: str, name: str, siblings: Iterable[str]) -> str:
    """The nearest name beside it; else the place where a field of that name stands."""
    place = _places().get(_plain(name))
    elsewhere = f"; did you mean {place!r}?" if place else ""
    return f"{path}{NO_SUCH_FIELD}{did_you_mean(name, siblings) or elsewhere}"


@cache
def _schema() -> Json:
    return structural_schema(FineTuneJobSpec)


@cache
def _places() -> dict[str, str]:
    """Each field's full name by its last part, the one nearest to the root first."""
    found: dict[str, str] = {}
    for path in sorted(_paths(_schema(), "spec"), key=lambda path: path.count(".")):
        found.setdefault(_plain(path.rpartition(".")[2]), path)
    return found


def _paths(schema: Json, path: str) -> Iterator[str]:
    inner = schema.get("items") or schema
    marked = f"{path}[]" if "items" in schema else path
    for name, child in (inner.get("properties") or {}).items():
        yield f"{marked}.{name}"
        yield from _paths(child, f"{marked}.{name}")


def _plain(name: str) -> str:
    """As people confuse them: learning_rate and LearningRate are one name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())

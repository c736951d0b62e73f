"""docs/hosted-apis.md leaves out no documented field, and every place that it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest

from finetune_operator.api.crd import KINDS, definition
from finetune_operator.api.model import Json
from tests.architecture.hosted_fields import FIELDS
from tests.architecture.tree import ROOT

PAGE: Final = ROOT / "docs/hosted-apis.md"
SPAN: Final = re.compile(r"`([^`]+)`")
PLACE: Final = re.compile(r"^(spec|status)\.[\w.\[\]]+$")


@cache
def sections() -> dict[str, list[list[str]]]:
    """Heading → the rows of the table below it, cell by cell."""
    parts = re.split(r"^### (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading: _rows(text.partition("\n## ")[0]) for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize("section", FIELDS)
def test_every_documented_field_has_its_row(section: str) -> None:
    named = {span for row in sections()[section] for span in SPAN.findall(row[0])}
    assert set(FIELDS[section].split()) - named == set()


def test_every_table_is_about_a_known_api() -> None:
    assert sections().keys() == FIELDS.keys()


@pytest.mark.parametrize("section", FIELDS)
def test_every_row_says_where_its_field_stands_or_why_it_stands_nowhere(section: str) -> None:
    empty = [row for row in sections()[section] if not row[1] or (row[1] == "none" and not row[2])]
    assert empty == []


@pytest.mark.parametrize("section", FIELDS)
def test_every_place_exists(section: str) -> None:
    unknown = []
    for row in sections()[section]:
        kind = next((kind.kind for kind in KINDS if row[1].startswith(f"{kind.kind} ")), "FineTuneJob")
        places = [span for cell in row[1:] for span in SPAN.findall(cell) if PLACE.match(span)]
        unknown += [(row[0], place) for place in places if place not in _places(kind)]
    assert unknown == []


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@cache
def _places(kind: str) -> frozenset[str]:
    """Every path of a kind's schema, list items as []."""
    found = next(each for each in KINDS if each.kind == kind)
    (version,) = definition(found)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    return frozenset(path for top in ("spec", "status") if top in schema for path in _paths(top, schema[top]))


def _paths(path: str, schema: Json) -> Iterator[str]:
    yield path
    if "items" in schema:
        yield from _paths(f"{path}[]", schema["items"])
    for name, child in schema.get("properties", {}).items():
        yield from _paths(f"{path}.{name}", child)

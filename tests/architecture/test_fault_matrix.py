"""Every test that the fault matrix names exists, and every test of a fault stands in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from tests.architecture.tree import ROOT

PAGE: Final = ROOT / "docs" / "fault-matrix.md"
NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
FAULTS: Final = "tests/controlplane/test_fault_*.py"


def test_every_test_that_is_named_exists() -> None:
    named = _named()
    assert named
    assert sorted(f"{path}::{name}" for path, name in named if name not in _tests_in(path)) == []


def test_every_test_of_a_fault_is_named() -> None:
    paths = [str(path.relative_to(ROOT)) for path in ROOT.glob(FAULTS)]
    assert paths
    there = {(path, name) for path in paths for name in _tests_in(path)}
    assert there - _named() == set()


def test_every_row_names_what_shows_it() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    without = [row for row in rows if not NAMED.search(row) and "`make " not in row]
    assert [row for row in without if not re.match(r"\| (fault|---) \|", row)] == []


def _named() -> set[tuple[str, str]]:
    return set(NAMED.findall(PAGE.read_text(encoding="utf-8")))


def _tests_in(path: str) -> set[str]:
    """Functions, state machines (``TestLife = Life.TestCase``) and, behind their class, methods; none for no file."""
    file = ROOT / path
    return set(_names(ast.parse(file.read_text(encoding="utf-8")))) if file.is_file() else set()


def _names(tree: ast.Module | ast.ClassDef, inside: str = "") -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                yield inside + name
            case ast.ClassDef(name=name):
                yield from _names(node, f"{name}::")
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("Test"):
                yield name

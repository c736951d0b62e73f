"""The sizes and shapes that keep this readable: every module a page, every function a thought, every name honest."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from tests.architecture.tree import ROOT, python_files, tracked_files

LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 60
MOST_PARAMETERS: Final = 6
BANNED_NAMES: Final = frozenset(
    {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core", "data", "info"}
)
BANNED_CLASS: Final = re.compile(r"(Utils?|Helpers?|Misc|Manager)$")
SOURCES: Final = ("operator/", "trainer-image/trainer/")

Function = ast.FunctionDef | ast.AsyncFunctionDef

FILES: Final = python_files()
SHIPPED: Final = [path for path in FILES if path.startswith(SOURCES)]


@cache
def parsed(path: str) -> ast.Module:
    """A module's syntax."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def functions(path: str) -> Iterator[Function]:
    """Every function of a module, nested ones too."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Function))


def test_a_module_is_a_few_screens() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = {path: length for path, length in lengths.items() if length > LONGEST_MODULE}
    assert not long, "divide it by what it is about"


def test_a_function_is_one_thought() -> None:
    long = {(path, f.name): _length(f) for path in FILES for f in functions(path) if _length(f) > LONGEST_FUNCTION}
    assert not long


def test_a_function_has_few_parameters() -> None:
    wide = [(path, f.name) for path in FILES for f in functions(path) if _parameters(f) > MOST_PARAMETERS]
    assert not wide, "gather them in a frozen value"


def test_a_name_says_what_is_inside() -> None:
    assert not [path for path in FILES if Path(path).stem in BANNED_NAMES]
    classes = [(path, node.name) for path in FILES for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
    assert not [(path, name) for path, name in classes if BANNED_CLASS.search(name)]


def test_a_module_says_what_it_is() -> None:
    assert not [path for path in FILES if not ast.get_docstring(parsed(path))]


def test_everything_public_is_documented() -> None:
    silent = {path: list(_undocumented(parsed(path))) for path in SHIPPED}
    assert not {path: names for path, names in silent.items() if names}


def test_the_source_folder_never_shadows_the_standard_library() -> None:
    assert "operator/__init__.py" not in tracked_files()
    assert not (ROOT / "operator/__init__.py").exists()


def test_no_test_sleeps() -> None:
    """Only the poll loop may let time pass; a test waits for a condition."""
    sleeping = re.compile(r"\b(?:time|asyncio)\.sleep\((?!0\))")
    tests = [path for path in FILES if Path(path).name.startswith("test_")]
    assert not [path for path in tests if sleeping.search((ROOT / path).read_text(encoding="utf-8"))]


def test_no_test_mocks_what_can_really_run() -> None:
    mocking = re.compile(r"unittest\.mock|MagicMock|monkeypatch\.setattr|mocker\.")
    tests = [p for p in FILES if p.startswith("tests/") and p != "tests/architecture/test_budgets.py"]
    assert not [path for path in tests if mocking.search((ROOT / path).read_text(encoding="utf-8"))]


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _parameters(function: Function) -> int:
    given = function.args
    return len(
        [each for each in (*given.posonlyargs, *given.args, *given.kwonlyargs) if each.arg not in {"self", "cls"}]
    )


def _undocumented(node: ast.Module | ast.ClassDef, inside: str = "") -> Iterator[str]:
    for child in node.body:
        if not isinstance(child, Function | ast.ClassDef) or child.name.startswith("_"):
            continue
        name = f"{inside}{child.name}"
        inherits = isinstance(child, Function) and any("override" in ast.unparse(d) for d in child.decorator_list)
        if not ast.get_docstring(child) and not inherits:
            yield name
        if isinstance(child, ast.ClassDef):
            yield from _undocumented(child, f"{name}.")

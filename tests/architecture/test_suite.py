"""The suite runs every test there is, and says which ones only `make test-all` runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.suite import EXHAUSTIVE_PARTS, PARTS, Outcome, Part, lines_of, pytest_arguments, side_by_side

ROOT: Final = Path(__file__).parents[2]
ALL: Final = (*PARTS, *EXHAUSTIVE_PARTS)


def runs(part: Part, file: str) -> bool:
    """Whether a part has tests of this file."""
    inside = any(file == path or file.startswith(f"{path}/") for path in part.pytest)
    marks = [mark for mark in part.marks.split(" and ") if mark and not mark.startswith("not ")]
    text = (ROOT / file).read_text(encoding="utf-8")
    return inside and all(f"mark.{mark}" in text for mark in marks)


def test_no_test_file_is_left_out() -> None:
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")]
    assert [file for file in files if not any(runs(part, file) for part in ALL)] == []


def test_what_is_exhaustive_runs_only_when_asked_for() -> None:
    unit, end_to_end = (next(part for part in PARTS if part.name == name) for name in ("unit", "end to end"))
    assert pytest_arguments(unit, exhaustive=False)[-2:] == ("-m", "not exhaustive")
    assert "-m" not in pytest_arguments(unit, exhaustive=True)
    assert pytest_arguments(end_to_end, exhaustive=False)[-1] == "e2e and not alone and not exhaustive"
    assert pytest_arguments(end_to_end, exhaustive=True)[-1] == "e2e and not alone"


def test_a_part_runs_beside_another_only_if_that_runs_too() -> None:
    first, second, third = Part("first", ""), Part("second", "", beside="first"), Part("third", "")
    assert side_by_side([first, second, third]) == [(first, second), (third,)]
    assert side_by_side([second, third]) == [(second,), (third,)]


def test_a_part_that_was_killed_is_told_by_the_signal() -> None:
    killed, broken = Outcome(Part("one", ""), -9, 1.0), Outcome(Part("two", ""), 1, 1.0)
    assert [line.split("  ")[-1] for line in lines_of([killed, broken])] == ["failed, ended by SIGKILL", "failed"]

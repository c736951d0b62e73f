"""The suite runs every test there is, and says which ones only `make test-all` runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.parts import EXHAUSTIVE_PARTS, PARTS, Part, pytest_arguments, side_by_side
from tests.results import Counts, Results, results
from tests.suite import FEW, Outcome, Wish, deserves_another, lines_of, run_one

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


NODE: Final = Part("on a node", "", pytest=("tests/e2e",), again=True)


@pytest.mark.parametrize(
    ("part", "code", "failed", "exhaustive", "again"),
    [
        (NODE, 1, FEW, False, True),
        (NODE, 1, FEW + 1, False, False),
        (NODE, 1, FEW, True, False),
        (NODE, 2, FEW, False, False),
        (NODE, 1, 0, False, False),
        (Part("pure", "", pytest=("tests/unit",)), 1, 1, False, False),
    ],
    ids=["a few", "many", "in test-all", "interrupted", "broken before it began", "without a cluster"],
)
def test_a_few_failures_beside_a_real_cluster_are_tried_again(
    part: Part, code: int, failed: int, *, exhaustive: bool, again: bool
) -> None:
    first = Results(Counts(10, max(failed, 1)), frozenset(f"test_{number}" for number in range(failed)))
    assert deserves_another(part, code, first, exhaustive=exhaustive) is again


def test_what_passes_alone_is_counted_as_passed_and_named(tmp_path: Path) -> None:
    file, noted = tmp_path / "test_late.py", tmp_path / "noted"
    file.write_text(
        f"from pathlib import Path\nNOTED = Path({str(noted)!r})\n"
        "def test_late():\n    known = NOTED.exists()\n    NOTED.touch()\n    assert known\n"
        "def test_well():\n    assert True\n"
    )
    late = Part("late", "", pytest=("--rootdir", str(tmp_path), str(file)), again=True)
    outcome = run_one(late, Wish((late,), exhaustive=False), tmp_path / "log")
    assert (outcome.code, outcome.counts) == (0, Counts(passed=2))
    assert [name.rsplit("::", 1)[-1] for name in outcome.second_try] == ["test_late"]
    assert "tried once more, alone" in (tmp_path / "log").read_text()


def test_a_report_tells_who_failed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    cases = '<testcase classname="a" name="one"/><testcase classname="a" name="two"><failure/></testcase>'
    report.write_text(f'<testsuites><testsuite tests="2" failures="1" errors="0">{cases}</testsuite></testsuites>')
    assert results(report) == Results(Counts(1, 1), frozenset({"a::two"}))
    assert results(tmp_path / "missing.xml") == Results(Counts(failed=1))

"""What a run of pytest wrote about itself: how many tests passed, and which did not."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Counts:
    """How many tests passed, failed (errors included) and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    @property
    def words(self) -> str:
        """As people read it."""
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


@dataclass(frozen=True)
class Results:
    """The counts, and the names of those that failed."""

    counts: Counts
    failed: frozenset[str] = frozenset()


def results(report: Path) -> Results:
    """Read a report in JUnit's form. A session that broke before it wrote one is one failure without a name."""
    if not report.exists():
        return Results(Counts(failed=1))
    root = ET.parse(report).getroot()  # noqa: S314 - pytest wrote it a moment ago
    failed = (
        case for case in root.iter("testcase") if case.find("failure") is not None or case.find("error") is not None
    )
    names = frozenset(f"{case.get('classname')}::{case.get('name')}" for case in failed)
    return Results(sum(map(_counted, root.iter("testsuite")), Counts()), names)


def _counted(suite: ET.Element) -> Counts:
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return Counts(total - failed - skipped, failed, skipped)

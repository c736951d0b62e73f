"""`make test`: everything that CI runs, part by part, with one summary at the end. `python -m tests.suite --help`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.checks import CHECKOUT, PYTHON, source_environment
from tests.cluster import ClusterError, down, find
from tests.cluster.cluster import CURRENT
from tests.cluster.places import cluster_folder
from tests.e2e.place import cluster_name
from tests.images.ensure import references

REPORTS = CHECKOUT / "build" / "tests"
KEEP = "FINETUNE_KEEP_CLUSTER"


@dataclass(frozen=True)
class Part:
    """One part of the suite: a program, or pytest with these arguments. `about` says what it needs."""

    name: str
    about: str
    command: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()


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
class Outcome:
    """How a part ended."""

    part: Part
    code: int
    seconds: float
    counts: Counts = field(default_factory=Counts)


ON_A_NODE = {"set-up", "trainer", "end to end", "operator"}
PARALLEL = ("-n", "2", "--dist", "worksteal")
# Cheap and telling first; the two parts on the node last, of which the second one has the operator to itself.
PARTS: tuple[Part, ...] = (
    Part("check", "format, lint, types, layers, CRDs, chart", command=(PYTHON, "-m", "tests.checks")),
    Part(
        "unit",
        "unit, architecture, contract and chart tests",
        pytest=(*PARALLEL, "tests/unit", "tests/architecture", "tests/contract", "tests/chart"),
    ),
    Part("control plane", "against a real API server", pytest=(*PARALLEL, "tests/controlplane")),
    Part("set-up", "cluster and images for the rest; minutes the first time", command=(PYTHON, "-m", "tests.e2e")),
    Part("trainer", "the real trainer, by its contract alone", pytest=("tests/trainer",)),
    Part(
        "end to end",
        "on a real node, with real training",
        # By file: tests of one file may share a job.
        pytest=("-n", "2", "--dist", "loadfile", "-m", "e2e and not alone", "tests/e2e"),
    ),
    Part("operator", "its death, doubling and absence", pytest=("-m", "e2e and alone", "tests/e2e")),
)


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named (all, when none is) and give the exit status."""
    chosen = _chosen(arguments)
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(map(_run, chosen))
    finally:
        if ON_A_NODE & {part.name for part in chosen}:
            _tidy()
    _summarise(outcomes)
    return 1 if any(outcome.code for outcome in outcomes) else 0


def _chosen(arguments: Sequence[str]) -> list[Part]:
    names = {part.name.replace(" ", "-"): part for part in PARTS}
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description="All tests, part by part.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    wanted: list[str] = parser.parse_args(arguments).parts
    for name in wanted:
        if name not in names:
            parser.error(f"there is no part {name!r}; choose from: {', '.join(names)}")
    return [names[name] for name in wanted] or list(PARTS)


def _run(part: Part) -> Outcome:
    print(f"\n===== {part.name}: {part.about} =====", flush=True)
    started = time.monotonic()
    report = REPORTS / f"{part.name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    pytest = (PYTHON, "-m", "pytest", "-q", "--durations=5", f"--junitxml={report}", *part.pytest)
    environment = {**source_environment(), **_real_trainer()}
    done = subprocess.run(part.command or pytest, cwd=CHECKOUT, env=environment, check=False)
    counts = _counts(report) if part.pytest else Counts()
    return Outcome(part, done.returncode, time.monotonic() - started, counts)


def _real_trainer() -> dict[str, str]:
    """Where the tests of the trainer find its image; nothing while there is no node of ours."""
    try:
        socket = find(cluster_name()).containerd_socket
    except ClusterError:
        return {}
    image = references(("trainer",))["trainer"]
    return {"FINETUNE_TRAINER_IMAGE": image, "CONTAINERD_ADDRESS": str(socket)} if socket else {}


def _counts(report: Path) -> Counts:
    """What pytest wrote; a session that broke before it wrote anything is one failure."""
    if not report.exists():
        return Counts(failed=1)
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest wrote it a moment ago
    return sum(map(_counted, suites), Counts())


def _counted(suite: ET.Element) -> Counts:
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return Counts(total - failed - skipped, failed, skipped)


def _tidy() -> None:
    """End the cluster of the tests; its images stay for the next run."""
    name = cluster_name()
    if name == CURRENT or os.environ.get(KEEP) or not cluster_folder(name).record.exists():
        return
    try:
        down(name)
    except ClusterError as problem:
        print(f"Error: {problem}", file=sys.stderr)


def _summarise(outcomes: Sequence[Outcome]) -> None:
    total = sum((outcome.counts for outcome in outcomes), Counts())
    seconds = sum(outcome.seconds for outcome in outcomes)
    print("\n===== summary =====")
    for line in _lines(outcomes):
        print(line)
    print(f"{total.words} in {seconds / 60:.1f} min; reports in {REPORTS.relative_to(CHECKOUT)}")
    if broken := [outcome.part.name for outcome in outcomes if outcome.code]:
        print(f"Failed: {', '.join(broken)}. One part alone: python -m tests.suite {broken[0].replace(' ', '-')}")


def _lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        told = outcome.counts.words if outcome.part.pytest else ("failed" if outcome.code else "ok")
        yield f"{'FAILED' if outcome.code else 'ok':>6}  {outcome.part.name:14} {outcome.seconds:7.1f} s  {told}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

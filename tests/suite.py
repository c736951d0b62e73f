"""`make test` and `make test-all`: part by part, with one summary at the end. `python -m tests.suite --help`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.checks import CHECKOUT, PYTHON, source_environment
from tests.cluster import ClusterError, down, find
from tests.cluster.cluster import CURRENT
from tests.cluster.places import cluster_folder
from tests.conftest import EXHAUSTIVE
from tests.e2e.place import cluster_name
from tests.images.ensure import references
from tests.pulse import pulse

REPORTS = CHECKOUT / "build" / "tests"
KEEP = "FINETUNE_KEEP_CLUSTER"


@dataclass(frozen=True)
class Part:
    """One part of the suite: a program, or pytest with these arguments for the tests with these `marks`.

    `about` says what it needs; `beside` names the part that it runs beside, if that is to run too.
    """

    name: str
    about: str
    command: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()
    marks: str = ""
    beside: str = ""


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


@dataclass(frozen=True)
class Wish:
    """What is to be run: parts, and whether with what is exhaustive."""

    parts: tuple[Part, ...]
    exhaustive: bool


ON_A_NODE = {"set-up", "trainer", "end to end", "operator"}
PARALLEL = ("-n", "2", "--dist", "worksteal")
# Cheap and telling first; those on the node last, of which one has the operator to itself.
PARTS: tuple[Part, ...] = (
    Part("check", "format, lint, types, layers, CRDs, chart", command=(PYTHON, "-m", "tests.checks")),
    Part(
        "unit",
        "unit, architecture, contract and chart tests",
        pytest=(*PARALLEL, "tests/unit", "tests/architecture", "tests/contract", "tests/chart"),
    ),
    # They wait for controllers more than they compute.
    Part("control plane", "against a real API server", pytest=("-n", "3", "--dist", "worksteal", "tests/controlplane")),
    Part("set-up", "cluster and images for the rest; minutes the first time", command=(PYTHON, "-m", "tests.e2e")),
    Part(
        "end to end",
        "on a real node, with real training",
        # By file: tests of one file may share a job or count what is on the node.
        pytest=("-n", "2", "--dist", "loadfile", "tests/e2e"),
        marks="e2e and not alone",
    ),
    Part("operator", "its death, doubling and absence", pytest=("tests/e2e",), marks="e2e and alone"),
    Part(
        "trainer",
        "the real trainer, by its contract alone",
        pytest=("-n", "2", "--dist", "loadfile", "tests/trainer"),
        # The operator's tests wait most of the time: for Leases, for Helm, for pods.
        beside="operator",
    ),
)
EXHAUSTIVE_PARTS: tuple[Part, ...] = (
    Part(
        "cluster life", "the local cluster starts, dies and leaves nothing", pytest=("tests/e2e/test_cluster_life.py",)
    ),
    Part(
        "bench", "that it runs; not for its figures", command=(PYTHON, "-m", "tests.bench", "--jobs=40", "--rounds=1")
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named (all, when none is) and give the exit status."""
    wish, started = _wish(arguments), time.monotonic()
    outcomes: list[Outcome] = []
    try:
        for together in side_by_side(wish.parts):
            outcomes.extend(_run(together, wish))
    finally:
        if ON_A_NODE & {part.name for part in wish.parts}:
            _tidy()
    _summarise(outcomes, time.monotonic() - started)
    return 1 if any(outcome.code for outcome in outcomes) else 0


def side_by_side(parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """The parts in order, each with those that run beside it."""
    names = {part.name for part in parts}
    alone = [part for part in parts if part.beside not in names]
    return [(part, *(other for other in parts if other.beside == part.name)) for part in alone]


def pytest_arguments(part: Part, *, exhaustive: bool) -> tuple[str, ...]:
    """The arguments of pytest for a part."""
    marks = [part.marks] if part.marks else []
    if not exhaustive and part not in EXHAUSTIVE_PARTS:
        marks.append("not exhaustive")
    return (*part.pytest, *(("-m", " and ".join(marks)) if marks else ()))


def _wish(arguments: Sequence[str]) -> Wish:
    names = {part.name.replace(" ", "-"): part for part in (*PARTS, *EXHAUSTIVE_PARTS)}
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description="All tests, part by part.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--all", action="store_true", help="with what is exhaustive")
    options = parser.parse_args(arguments)
    for name in options.parts:
        if name not in names:
            parser.error(f"there is no part {name!r}; choose from: {', '.join(names)}")
    everything = (*PARTS, *EXHAUSTIVE_PARTS) if options.all else PARTS
    return Wish(tuple(names[name] for name in options.parts) or everything, options.all)


def _run(together: Sequence[Part], wish: Wish) -> list[Outcome]:
    """Run parts at the same time. The first one is seen; what the others say is printed when all are done."""
    first, *others = together
    for part in together:
        beside = f" (beside {first.name!r}; its output follows)" if part is not first else ""
        print(f"\n===== {part.name}: {part.about}{beside} =====", flush=True)
    with ThreadPoolExecutor(len(together)) as pool:
        side = [pool.submit(_run_one, part, wish, _log(part)) for part in others]
        outcomes = [_run_one(first, wish, None), *(each.result() for each in side)]
    for part in others:
        print(f"\n===== {part.name}, as it went =====\n{_log(part).read_text(encoding='utf-8')}", flush=True)
    return outcomes


def _run_one(part: Part, wish: Wish, log: Path | None) -> Outcome:
    started = time.monotonic()
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{part.name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    chosen = pytest_arguments(part, exhaustive=wish.exhaustive)
    pytest = (PYTHON, "-m", "pytest", "-q", "--durations=5", f"--junitxml={report}", *chosen)
    # Programs of ours say by themselves that they go on, and on a terminal the dots of pytest do.
    quiet = bool(part.command) or log is not None or sys.stdout.isatty()
    with nullcontext() if quiet else pulse(lambda seconds: print(f"  {seconds:.0f} s …", flush=True)):
        code = _execute(part.command or pytest, {EXHAUSTIVE: "1"} if wish.exhaustive else {}, log)
    counts = _counts(report) if part.pytest else Counts()
    return Outcome(part, code, time.monotonic() - started, counts)


def _execute(command: Sequence[str], more: Mapping[str, str], log: Path | None) -> int:
    environment = {**source_environment(), **_real_trainer(), **more}
    with log.open("wb") if log else nullcontext() as output:
        done = subprocess.run(
            command, cwd=CHECKOUT, env=environment, stdout=output, stderr=output and subprocess.STDOUT, check=False
        )
    return done.returncode


def _log(part: Part) -> Path:
    return REPORTS / f"{part.name.replace(' ', '-')}.log"


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


def _summarise(outcomes: Sequence[Outcome], seconds: float) -> None:
    total = sum((outcome.counts for outcome in outcomes), Counts())
    print("\n===== summary =====")
    for line in lines_of(outcomes):
        print(line)
    print(f"{total.words} in {seconds / 60:.1f} min; reports in {REPORTS.relative_to(CHECKOUT)}")
    if broken := [outcome.part.name for outcome in outcomes if outcome.code]:
        print(f"Failed: {', '.join(broken)}. One part alone: python -m tests.suite {broken[0].replace(' ', '-')}")


def lines_of(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The summary, a line for each part."""
    for outcome in outcomes:
        told = outcome.counts.words if outcome.part.pytest else ("failed" if outcome.code else "ok")
        told += f", ended by {signal.Signals(-outcome.code).name}" if outcome.code < 0 else ""
        yield f"{'FAILED' if outcome.code else 'ok':>6}  {outcome.part.name:14} {outcome.seconds:7.1f} s  {told}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

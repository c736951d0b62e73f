"""`make test` and `make test-all`: part by part, with one summary at the end. `python -m tests.suite --help`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.checks import CHECKOUT, PYTHON, source_environment
from tests.cluster import ClusterError, down, find
from tests.cluster.cluster import CURRENT
from tests.cluster.places import cluster_folder
from tests.conftest import EXHAUSTIVE
from tests.e2e.place import cluster_name
from tests.images.borrowed import borrowed_python
from tests.images.ensure import references
from tests.images.recipes import ROBOTS
from tests.parts import EXHAUSTIVE_PARTS, ON_A_NODE, PARTS, Part, pytest_arguments, side_by_side
from tests.pulse import pulse
from tests.results import Counts, Results, results

REPORTS = CHECKOUT / "build" / "tests"
KEEP = "FINETUNE_KEEP_CLUSTER"
FEW = 6
"""Of as many tests a busy machine may be the cause; of more it is the change."""
AGAIN = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")


@dataclass(frozen=True)
class Outcome:
    """How a part ended."""

    part: Part
    code: int
    seconds: float
    counts: Counts = field(default_factory=Counts)
    second_try: tuple[str, ...] = ()
    """Tests that failed and then passed alone."""


@dataclass(frozen=True)
class Wish:
    """What is to be run: parts, and whether with what is exhaustive."""

    parts: tuple[Part, ...]
    exhaustive: bool


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
        for part in others:
            _log(part).unlink(missing_ok=True)
        side = [pool.submit(run_one, part, wish, _log(part)) for part in others]
        outcomes = [run_one(first, wish, None), *(each.result() for each in side)]
    for part in others:
        print(f"\n===== {part.name}, as it went =====\n{_log(part).read_text(encoding='utf-8')}", flush=True)
    return outcomes


def run_one(part: Part, wish: Wish, log: Path | None) -> Outcome:
    """Run a part; what it says goes to `log`, if there is one. A few failures beside a real cluster are tried again."""
    started = time.monotonic()
    if part.command:
        return Outcome(part, _execute(part.command, wish, log), time.monotonic() - started)
    # What failed the last time is none of this run's.
    shutil.rmtree(_cache(part), ignore_errors=True)
    code, first = _run_pytest(part, pytest_arguments(part, exhaustive=wish.exhaustive), wish, log)
    if not deserves_another(part, code, first, exhaustive=wish.exhaustive):
        return Outcome(part, code, time.monotonic() - started, first.counts)
    _say(f"{part.name}: tried once more, alone: {', '.join(sorted(first.failed))}", log)
    code, second = _run_pytest(part, (*part.pytest, *AGAIN), wish, log)
    saved = first.failed - second.failed
    counts = Counts(first.counts.passed + len(saved), second.counts.failed, first.counts.skipped)
    return Outcome(part, code, time.monotonic() - started, counts, tuple(sorted(saved)))


def deserves_another(part: Part, code: int, first: Results, *, exhaustive: bool) -> bool:
    """Whether what failed is tried again: a few tests with names, of a part that meets a real cluster, and not in test-all."""
    return part.again and not exhaustive and code == pytest.ExitCode.TESTS_FAILED and 0 < len(first.failed) <= FEW


def _run_pytest(part: Part, chosen: Sequence[str], wish: Wish, log: Path | None) -> tuple[int, Results]:
    REPORTS.mkdir(parents=True, exist_ok=True)
    name = part.name.replace(" ", "-")
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    program = (
        PYTHON,
        "-m",
        "pytest",
        "-q",
        "--durations=5",
        f"--junitxml={report}",
        "-o",
        f"cache_dir={_cache(part)}",
    )
    # On a terminal the dots of pytest say that it goes on.
    quiet = log is not None or sys.stdout.isatty()
    with nullcontext() if quiet else pulse(lambda seconds: print(f"  {seconds:.0f} s …", flush=True)):
        code = _execute((*program, *chosen), wish, log)
    return code, results(report)


def _execute(command: Sequence[str], wish: Wish, log: Path | None) -> int:
    environment = {**source_environment(), **real_trainers(), **({EXHAUSTIVE: "1"} if wish.exhaustive else {})}
    with log.open("ab") if log else nullcontext() as output:
        done = subprocess.run(
            command, cwd=CHECKOUT, env=environment, stdout=output, stderr=output and subprocess.STDOUT, check=False
        )
    return done.returncode


def _cache(part: Part) -> Path:
    """Where pytest notes what failed."""
    return REPORTS / f"{part.name.replace(' ', '-')}.cache"


def _say(line: str, log: Path | None) -> None:
    with log.open("a", encoding="utf-8") if log else nullcontext(sys.stdout) as output:
        print(f"\n{line}", file=output, flush=True)


def _log(part: Part) -> Path:
    return REPORTS / f"{part.name.replace(' ', '-')}.log"


def real_trainers() -> dict[str, str]:
    """Where the tests of the trainer find its images; nothing while there is no node of ours."""
    try:
        socket = find(cluster_name()).containerd_socket
    except ClusterError:
        return {}
    if socket is None:
        return {}
    images = references(ROBOTS)
    robots = borrowed_python(images["trainer-lerobot"]) if os.getuid() == 0 else None
    return {
        "CONTAINERD_ADDRESS": str(socket),
        "FINETUNE_TRAINER_IMAGE": images["trainer"],
        "FINETUNE_ROBOTS_IMAGE": images["trainer-lerobot"],
        **({"FINETUNE_ROBOTS_PYTHON": str(robots)} if robots else {}),
    }


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
    for name in (name for outcome in outcomes for name in outcome.second_try):
        print(f"Failed first and passed alone: {name}")
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

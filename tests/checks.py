"""`make check`: everything that needs no cluster, side by side, one line each. `python -m tests.checks --help`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tests.cluster.build import ensure_program
from tests.cluster.errors import ClusterError
from tests.pulse import pulse

CHECKOUT = Path(__file__).parents[1]
PYTHON = sys.executable
AT_ONCE = 2


@dataclass(frozen=True)
class Check:
    """One tool that says yes or no. ``{helm}`` in its command stands for the path of Helm."""

    name: str
    command: tuple[str, ...]
    remedy: str


@dataclass(frozen=True)
class Outcome:
    """What a check said: its exit status, the seconds it took, and its output."""

    check: Check
    code: int
    seconds: float
    output: str


# The slowest first: what runs beside it is then done before it.
CHECKS: tuple[Check, ...] = (
    Check("types", (PYTHON, "-m", "mypy"), "see the lines above"),
    Check("lint", (PYTHON, "-m", "ruff", "check", "."), "ruff check --fix mends some of it"),
    Check("format", (PYTHON, "-m", "ruff", "format", "--check", "."), "ruff format"),
    Check("layers", (str(Path(PYTHON).with_name("lint-imports")),), "docs/architecture.md says who may import whom"),
    Check("crds", (PYTHON, "-m", "finetune_operator.api.crd", "--check"), "make generate, then commit what changed"),
    Check("reasons", (PYTHON, "docs/generate_reasons.py", "--check"), "make generate, then commit what changed"),
    Check("reference", (PYTHON, "docs/generate_reference.py", "--check"), "make generate, then commit what changed"),
    Check("memory", (PYTHON, "docs/generate_memory.py", "--check"), "make generate, then commit what changed"),
    Check("values", (PYTHON, "charts/generate_values_schema.py", "--check"), "make generate, then commit what changed"),
    Check("chart", ("{helm}", "lint", "--strict", "charts/finetune-operator"), "see the lines above"),
)


def main(arguments: Sequence[str]) -> int:
    """Run the checks that are named (all, when none is) and give the exit status."""
    names = _names(arguments)
    chosen = [check for check in CHECKS if not names or check.name in names]
    started = time.monotonic()
    outcomes = run(chosen)
    failed = [outcome for outcome in outcomes if outcome.code]
    for outcome in failed:
        _explain(outcome)
    good = len(outcomes) - len(failed)
    print(f"{good} checks passed, {len(failed)} failed, in {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


def run(checks: Sequence[Check]) -> list[Outcome]:
    """Run `checks`, two at a time, and print a line for each as it ends, and one every so often until then."""
    with pulse(lambda seconds: print(f"   …    {seconds:.0f} s", flush=True)), ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_run, checks))


def source_environment() -> Mapping[str, str]:
    """The environment in which our packages are found, wherever a tool is started from."""
    folders = (CHECKOUT / "operator", CHECKOUT / "trainer-image", CHECKOUT)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def _names(arguments: Sequence[str]) -> list[str]:
    known = [check.name for check in CHECKS]
    parser = argparse.ArgumentParser(prog="python -m tests.checks", description="Checks that need no cluster.")
    parser.add_argument("names", nargs="*", metavar="CHECK", help=", ".join(known))
    names: list[str] = parser.parse_args(arguments).names
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            parser.error(f"there is no check {name!r}.{hint} Choose from: {', '.join(known)}")
    return names


def _run(check: Check) -> Outcome:
    started = time.monotonic()
    code, output = _execute(check)
    outcome = Outcome(check, code, time.monotonic() - started, output)
    print(f"{'failed' if code else 'ok':>6}  {check.name:9} {outcome.seconds:6.1f} s", flush=True)
    return outcome


def _execute(check: Check) -> tuple[int, str]:
    try:
        command = [
            part.replace("{helm}", str(ensure_program("helm"))) if "{" in part else part for part in check.command
        ]
    except ClusterError as problem:
        return 1, str(problem)
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=source_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _explain(outcome: Outcome) -> None:
    print(f"\n--- {outcome.check.name}: {' '.join(outcome.check.command)}\n{outcome.output.rstrip()}")
    print(f"--- What to do: {outcome.check.remedy}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The parts of `make test` and `make test-all`: what runs in which, in what order, and what beside what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.checks import PYTHON


@dataclass(frozen=True)
class Part:
    """One part of the suite: a program, or pytest with these arguments for the tests with these `marks`.

    `about` says what it needs; `beside` names the part that it runs beside, if that is to run too. `again`: what fails is
    tried once more, alone, since controllers, nodes and clocks take part that a busy machine holds up.
    """

    name: str
    about: str
    command: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()
    marks: str = ""
    beside: str = ""
    again: bool = False


ON_A_NODE: Final = {"set-up", "trainer", "end to end", "operator"}
PARALLEL: Final = ("-n", "2", "--dist", "worksteal")
# Cheap and telling first; those on the node last, of which one has the operator to itself.
PARTS: tuple[Part, ...] = (
    Part("check", "format, lint, types, layers, CRDs, chart", command=(PYTHON, "-m", "tests.checks")),
    Part(
        "unit",
        "unit, architecture, contract and chart tests",
        pytest=(*PARALLEL, "tests/unit", "tests/architecture", "tests/contract", "tests/chart"),
    ),
    # They wait for controllers more than they compute.
    Part(
        "control plane",
        "against a real API server",
        pytest=("-n", "4", "--dist", "worksteal", "tests/controlplane"),
        again=True,
    ),
    Part("set-up", "cluster and images for the rest; minutes the first time", command=(PYTHON, "-m", "tests.e2e")),
    Part(
        "end to end",
        "on a real node, with real training",
        # By file: tests of one file may share a job or count what is on the node.
        pytest=("-n", "2", "--dist", "loadfile", "tests/e2e"),
        marks="e2e and not alone",
        again=True,
    ),
    Part("operator", "its death, doubling and absence", pytest=("tests/e2e",), marks="e2e and alone", again=True),
    Part(
        "trainer",
        "the real trainer, by its contract alone",
        pytest=("-n", "2", "--dist", "loadfile", "tests/trainer"),
        # The operator's tests wait most of the time: for Leases, for Helm, for pods.
        beside="operator",
        again=True,
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

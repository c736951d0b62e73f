"""``make bench``: the operator at scale on simulated nodes, against a plain client in the same run."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from finetune_operator.api.model import Json
from tests.architecture.tree import ROOT
from tests.bench import planning
from tests.bench.figures import Extent, Say, bare, folded, idle, intake, living, ratios, reporting, small
from tests.bench.machine import machine
from tests.bench.plots import plot
from tests.bench.report import as_page, as_text, write_json
from tests.bench.stand import SETTINGS

Measure = Callable[[Extent, Say], Awaitable[Json]]

PLANS: Final = 1000
PAGES: Final = ROOT / "docs" / "benchmarks"
FIGURES: Final = ROOT / "build" / "bench.json"
SMALL_FIGURES: Final = ROOT / "build" / "bench-small.json"
BEGUN: Final = ROOT / "build" / "bench-begun.json"
"""The parts that ended, for a run that goes on where one was cut off."""
PARTS: Final = ("planning", "intake", "folded", "bare", "living", "reporting", "idle")


def main() -> int:
    """Measure what is named, all by default; print it, write it down."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what is measured: {', '.join(PARTS)} (default all)")
    parser.add_argument("--jobs", type=int, help="everything with so few resources, to see that it runs")
    parser.add_argument(
        "--sizes", type=_sizes, help="resources of each run, for example 100,1000 (default 100,1000,10000)"
    )
    parser.add_argument("--rounds", type=int, default=1, help="how often (default 1)")
    parser.add_argument("--resume", action="store_true", help="go on where a whole run was cut off")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)!r}; choose from: {', '.join(PARTS)}")
    extent = small(options.jobs) if options.jobs else Extent(**({"sizes": options.sizes} if options.sizes else {}))
    for _ in range(options.rounds):
        whole = extent == Extent() and not options.parts
        resumes = options.resume and whole and BEGUN.exists()
        begun = json.loads(BEGUN.read_text(encoding="utf-8")) if resumes else {}
        figures = asyncio.run(_measure(tuple(options.parts) or PARTS, extent, begun, whole=whole))
        print(f"\n{as_text(figures)}")
        _keep(figures, whole=whole)
    return 0


async def _measure(parts: tuple[str, ...], extent: Extent, begun: Json, *, whole: bool) -> Json:
    """All figures; those of the parts in ``begun`` are taken from there."""
    figures: Json = {"machine": machine(), "settings": SETTINGS}
    if "planning" in parts and not begun:
        planning.measure(PLANS)
    for name, measure in _measures(parts, extent):
        found = begun.get(name) or await measure(extent, _say)
        begun = begun | {name: found}
        if whole:
            write_json(begun, BEGUN)
        figures = _with(figures, found)
    return figures | {"ratios": ratios(figures)}


def _measures(parts: tuple[str, ...], extent: Extent) -> Iterator[tuple[str, Measure]]:
    """What is measured, in order, by names that tell it apart."""
    simple = {"intake": intake, "folded": folded, "bare": bare, "reporting": reporting, "idle": idle}
    for name in PARTS:
        if name not in parts:
            continue
        if name == "living":
            yield from ((f"living-{size}", partial(living, size)) for size in extent.sizes)
        elif name in simple:
            yield name, simple[name]


def _with(figures: Json, found: Json) -> Json:
    """Runs and floors come in several parts."""
    runs = [*figures.get("runs", ()), *found.get("runs", ())]
    several = {"floor": figures.get("floor", {}) | found.get("floor", {})} | ({"runs": runs} if runs else {})
    return figures | found | several


def _say(name: str, part: Json) -> None:
    print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in part.items()), flush=True)


def _keep(figures: Json, *, whole: bool) -> None:
    """All figures are kept for machines; those of the whole benchmark also for people."""
    write_json(figures, FIGURES if whole else SMALL_FIGURES)
    if whole:
        PAGES.mkdir(parents=True, exist_ok=True)
        (PAGES / "README.md").write_text(as_page(figures, plot(figures, PAGES)), encoding="utf-8")


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())

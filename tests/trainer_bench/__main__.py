"""`make bench-trainer`: our trainers beside plain `trl sft` and plain `lerobot-train`, pair by pair."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.machine import processor
from tests.images.borrowed import borrowed_python
from tests.images.ensure import ensure
from tests.trainer.documents import CHECKOUT
from tests.trainer.real_trainer import LANGUAGE, ROBOTS, Kind, Trainer
from tests.trainer_bench.loss import kill_and_resume
from tests.trainer_bench.page import page
from tests.trainer_bench.ratios import FEWEST_PAIRS, FIRST_STEP, STEP, Pair, judged, ratio_of
from tests.trainer_bench.rivals import ENVIRONMENT, Family, Ran, language, robots, run_ours, run_plain

FIGURES: Final = CHECKOUT / "build" / "bench-trainer.json"
PAGE: Final = CHECKOUT / "docs" / "benchmarks" / "trainer.md"
SEED: Final = 20_261_122
FAMILIES: Final[Mapping[str, tuple[Kind, Callable[[Trainer, Path, int], Family], int]]] = {
    "trl": (LANGUAGE, language, 60),
    "lerobot": (ROBOTS, robots, 25),
}
"""Family → what its trainer needs, how its rivals are made ready, and the steps of one run."""
IMAGES: Final[Mapping[str, tuple[Kind, str]]] = {
    "trl": (LANGUAGE, "trainer"),
    "lerobot": (ROBOTS, "trainer-lerobot"),
}
"""Family → the image whose Python runs it where no other one is named."""


def main() -> int:
    """Measure the families that are named, all by default; 1 when a step takes longer than it may, or nothing is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.trainer_bench", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"{', '.join(FAMILIES)} (default all)")
    parser.add_argument("--pairs", type=int, default=7, help=f"how many pairs (default 7, at least {FEWEST_PAIRS})")
    options = parser.parse_args()
    if unknown := set(options.families) - set(FAMILIES):
        parser.error(f"there is no family {min(unknown)!r}; choose from: {', '.join(FAMILIES)}")
    if options.pairs < FEWEST_PAIRS:
        parser.error(f"{options.pairs} pairs say nothing; take at least {FEWEST_PAIRS}")
    _prepare(options.families or tuple(FAMILIES))
    figures: dict[str, Any] = {"machine": _machine(), "families": {}}
    for name in options.families or FAMILIES:
        if measured := _measure(name, options.pairs):
            figures["families"][name] = measured
            _keep(figures)
    print(json.dumps(figures["families"], indent=1))
    failed = any(each["step"]["verdict"] == "failed" for each in figures["families"].values())
    return 1 if failed or not figures["families"] else 0


def _prepare(families: Sequence[str]) -> None:
    """Have a Python for each: that of its image, as a process of this host, as a container's start is nobody's step."""
    os.environ.update(ENVIRONMENT)
    lacking = {image: f"{kind.prefix}_PYTHON" for kind, image in map(IMAGES.__getitem__, families)}
    lacking = {image: variable for image, variable in lacking.items() if variable not in os.environ}
    if not lacking or os.getuid() != 0:
        return
    for image, reference in ensure(lacking).items():
        os.environ[lacking[image]] = str(borrowed_python(reference))


def _measure(name: str, pairs: int) -> dict[str, Any] | None:
    kind, ready, steps = FAMILIES[name]
    trainer = Trainer(os.environ, kind)
    if not trainer.available:
        print(f"{name}: {kind.absent}", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory(prefix="bench-trainer-") as place:
        folder = Path(place)
        folder.chmod(0o777)
        family = ready(trainer, folder, steps)
        ran = [_pair(family, folder, number) for number in range(pairs)]
        loss = vars(kill_and_resume(family, folder / "killed")) if trainer.shares_loopback else None
    return _figures(family, ran) | {"loss": loss}


def _pair(family: Family, folder: Path, number: int) -> tuple[Ran, Ran]:
    """Ours and the other's, one after the other: every second time the other is first."""
    order = (run_ours, run_plain) if number % 2 == 0 else (run_plain, run_ours)
    found: dict[Callable[[Family, Path], Ran], Ran] = {}
    for run in order:
        place = folder / f"{run.__name__}-{number}"
        found[run] = run(family, place)
        shutil.rmtree(place)
    ours, plain = found[run_ours], found[run_plain]
    print(
        f"{family.name}, pair {number + 1}: a step {ours.timed.per_step:.4f} s against {plain.timed.per_step:.4f} s, "
        f"the first after {ours.timed.first:.1f} s against {plain.timed.first:.1f} s",
        flush=True,
    )
    return ours, plain


def _figures(family: Family, ran: list[tuple[Ran, Ran]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"rival": family.rival, "pairs": len(ran), "steps": family.steps}
    looks: dict[str, Callable[[Ran], float]] = {
        "step": lambda each: each.timed.per_step,
        "first step": lambda each: each.timed.first,
    }
    for name, look in looks.items():
        pairs = [Pair(look(ours), look(plain)) for ours, plain in ran]
        ratio = ratio_of(pairs, SEED)
        figures[name] = {
            "ours": statistics.median(pair.ours for pair in pairs),
            "plain": statistics.median(pair.plain for pair in pairs),
            "ratio": ratio.median,
            "low": ratio.low,
            "high": ratio.high,
            "verdict": judged(ratio, STEP if name == "step" else FIRST_STEP),
            "of_each_pair": [[pair.ours, pair.plain] for pair in pairs],
        }
    shares = [ours.waiting for ours, _ in ran if ours.waiting is not None]
    return figures | {"waiting": statistics.median(shares) if shares else None}


def _machine() -> dict[str, Any]:
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _keep(figures: Mapping[str, Any]) -> None:
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if set(figures["families"]) == set(FAMILIES):
        PAGE.write_text(page(figures), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

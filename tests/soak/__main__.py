"""``make soak``: the operator is killed again and again while jobs come and go, and nothing may ever be wrong."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES, JOBS, PODS
from finetune_operator.reconciler.source import OURS
from tests.cluster import down, up
from tests.simulated import Paces, World, WorldSettings, simulate
from tests.soak.judge import Judge
from tests.soak.kills import Killer
from tests.soak.supply import HARDWARE, NAMESPACE, Supply
from tests.soak.witness import Witness, witnessed
from tests.support.apiserver import apply_crds
from tests.support.kept_operator import KeptOperator, kept_operator
from tests.support.objects import instance_type
from tests.support.operator_process import OperatorLaunch

NAME: Final = "soak"
REPORT: Final = Path("build", "soak.json")
PULSE_SECONDS: Final = 15.0
LEASE: Final = {"seconds": 1, "renewSeconds": 0.2}
SPARE: Final = 4
"""Volumes for so many times the jobs that are asked for: they come until there were enough kills."""


@dataclass(frozen=True)
class Wish:
    """What is asked for on the command line."""

    kills: int
    jobs: int
    at_once: int
    seed: int


def main(arguments: Sequence[str]) -> int:
    """Soak, print and write the figures; 1 when anything was violated."""
    wish = _wish(arguments)
    print(
        f"soak: {wish.kills} kills over at least {wish.jobs} jobs; --seed {wish.seed} repeats its choices", flush=True
    )
    try:
        report = asyncio.run(_soak(wish))
    finally:
        down(NAME)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    figures = f"{report['jobs']} jobs, {report['kills']} kills, {len(report['violations'])} violations"
    print(f"soak: {figures} in {report['seconds']:.0f} s; written to {REPORT}")
    for violation in report["violations"]:
        print(f"  {violation}", file=sys.stderr)
    return 1 if report["violations"] else 0


def _wish(arguments: Sequence[str]) -> Wish:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="kills of an operator (default 1000)")
    parser.add_argument("--jobs", type=int, default=200, help="jobs at least (default 200)")
    parser.add_argument("--at-once", type=int, default=12, help="jobs that are alive at a time (default 12)")
    parser.add_argument("--seed", type=int, default=None, help="of all choices (default: a new one, which is printed)")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    return Wish(options.kills, options.jobs, options.at_once, seed)


async def _soak(wish: Wish) -> Json:
    begun = time.monotonic()
    volumes = SPARE * max(wish.jobs, wish.kills)
    world = await simulate(up(NAME, node=False), WorldSettings(Paces(prepare=0.5, train=2), volumes=volumes))
    await apply_crds(world.server)
    judge, enough = Judge(), asyncio.Event()
    async with world.server.client() as client, AsyncExitStack() as stack:
        await world.furnish(client, NAMESPACE, "models")
        await client.create(INSTANCETYPES, None, instance_type(HARDWARE))
        await stack.enter_async_context(witnessed(world.server, *_witnesses(judge)))
        operators = await stack.enter_async_context(_operators(world))
        supply = Supply(client, random.Random(wish.seed), judge)  # noqa: S311 - to be repeated
        killer = Killer(operators, random.Random(wish.seed + 1))  # noqa: S311
        await _until_both_end(supply, killer, wish, enough)
        await supply.judge_ends()
        defects = [str(line) for operator in operators for line in operator.defects()]
        return {
            "seed": wish.seed,
            "jobs": len(supply.plans),
            "kills": killer.kills,
            "operators": sum(len(operator.lives) for operator in operators),
            "violations": [*judge.violations, *defects],
            "seconds": round(time.monotonic() - begun, 1),
        }


async def _until_both_end(supply: Supply, killer: Killer, wish: Wish, enough: asyncio.Event) -> None:
    def is_enough(kills: int) -> bool:
        return kills >= wish.kills and len(supply.plans) >= wish.jobs

    async with asyncio.TaskGroup() as group:
        pulse = group.create_task(_tell(supply, killer))
        group.create_task(killer.run(is_enough, enough))
        await group.create_task(supply.run(wish.at_once, enough))
        pulse.cancel()


async def _tell(supply: Supply, killer: Killer) -> None:
    while True:
        await asyncio.sleep(PULSE_SECONDS)
        ended, violations = len(supply.judge.ended), len(supply.judge.violations)
        print(f"  {killer.kills} kills, {ended} jobs ended, {supply.alive} alive, {violations} violations", flush=True)


def _witnesses(judge: Judge) -> tuple[Witness, ...]:
    return (
        Witness(FINETUNEJOBS, judge.fine_tune_job),
        Witness(JOBS, judge.job, OURS),
        Witness(PODS, judge.pod, OURS),
    )


@asynccontextmanager
async def _operators(world: World) -> AsyncIterator[tuple[KeptOperator, ...]]:
    """Two, of which one leads."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        launches = [
            OperatorLaunch(folder, {"lease": LEASE, "resyncSeconds": 30, "logLevel": "info"}, {"POD_NAME": name})
            for name in ("one", "two")
        ]
        contexts = [kept_operator(world.server, NAMESPACE, launch) for launch in launches]
        yield tuple([await stack.enter_async_context(context) for context in contexts])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

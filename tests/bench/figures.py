"""The whole benchmark, step by step, each in a control plane of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import Key
from tests.bench.floors import bare_jobs, same_writes
from tests.bench.idling import idle_requests
from tests.bench.intake import at_rest, burst, killed
from tests.bench.jobs import name_of, namespace_of
from tests.bench.lifetimes import cold_start, lifetimes
from tests.bench.progress import progress
from tests.bench.specimen import specimen
from tests.bench.stand import a_stand
from tests.simulated import Paces

PACES: Final = Paces(prepare=0.5, train=2.0)
FOLDED: Final[Json] = {"stages": {"prepare": "inTrain"}}
"""A setting for administrators: one Job for each resource."""
INTAKE_SHARE: Final = 0.7
COMPLETE_SHARE: Final = 0.85


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    sizes: tuple[int, ...] = (100, 1_000, 10_000)
    burst: int = 500
    rate: float = 50.0
    steady: int = 1_000
    bare: int = 1_000
    """Resources whose Jobs are made without them."""
    reporters: int = 5_000
    report_every: float = 15.0
    report_seconds: float = 120.0
    idle_seconds: float = 330.0


def small(jobs: int) -> Extent:
    """To see that it runs."""
    return Extent((jobs,), jobs, 20.0, jobs, jobs, jobs, 5.0, 35.0, 5.0)


Say = Callable[[str, Json], None]
"""Takes each part as soon as it is there: its name and its figures."""


async def intake(extent: Extent, say: Say) -> Json:
    """Burst, steady stream, kill, and the same writes by the plain client; the parts by name."""
    found: Json = {}

    def keep(name: str, part: Json) -> None:
        found[name] = part
        say(name, part)

    async with a_stand(PACES) as stand, at_rest(stand):
        keep("burst", await burst(stand, extent.burst))
        pattern = await specimen(stand.client, Key(namespace_of(0), name_of(0)))
    patches = max(1, round(found["burst"]["status_patches_per_job"]))
    async with a_stand(PACES) as stand, at_rest(stand):
        resting = await same_writes(stand, extent.burst, pattern, patches)
    async with a_stand(PACES) as stand, at_rest(stand):
        keep("steady", await burst(stand, extent.steady, extent.rate))
    async with a_stand(PACES) as stand, at_rest(stand):
        keep("kill", await killed(stand, extent.burst))
    async with a_stand(PACES) as stand:
        alive = await same_writes(stand, extent.bare, pattern, patches)
    keep("floor", alive | {"same_writes_at_rest_jobs_per_second": resting["same_writes_jobs_per_second"]})
    return found


async def folded(extent: Extent, say: Say) -> Json:
    """Resources from creation to Succeeded with one Job each."""
    async with a_stand(PACES, FOLDED) as stand:
        part = await lifetimes(stand, extent.bare)
    say("folded", part)
    return {"folded": part}


async def bare(extent: Extent, say: Say) -> Json:
    """Bare Jobs, as those of a resource are."""
    async with a_stand(PACES) as stand:
        await lifetimes(stand, 1)
        pattern = await specimen(stand.client, Key(namespace_of(0), name_of(0)))
    async with a_stand(PACES) as stand:
        part = await bare_jobs(stand, extent.bare, pattern)
    say("floor", part)
    return {"floor": part}


async def living(size: int, _: Extent, say: Say) -> Json:
    """So many resources from creation to Succeeded, and an operator that starts beside them."""
    async with a_stand(PACES) as stand:
        run = await lifetimes(stand, size)
        say("run", run)
        started = await cold_start(stand, size)
        say("cold start", started)
    return {"runs": [run | started]}


async def idle(extent: Extent, say: Say) -> Json:
    """An operator with nothing to do, beside resources that have ended."""
    async with a_stand(PACES, FOLDED) as stand:
        await lifetimes(stand, extent.bare)
        found = {"n": extent.bare, **await idle_requests(stand, extent.idle_seconds)}
    say("idle", found)
    return {"idle": found, "idle_requests_per_minute": found["idle_requests_per_minute"]}


async def reporting(extent: Extent, say: Say) -> Json:
    """Running jobs that report. One Job each: what went before a training does not matter to its reports."""
    async with a_stand(PACES, FOLDED) as stand:
        part = await progress(stand, extent.reporters, extent.report_every, extent.report_seconds)
    say("progress", part)
    return {"progress": part}


def ratios(figures: Json) -> Json:
    """What the operator reaches of the plain client's rates, with the aims beside."""
    floor, found = figures.get("floor", {}), {}
    if "burst" in figures and "same_writes_at_rest_jobs_per_second" in floor:
        rate = figures["burst"]["jobs_per_second"] / floor["same_writes_at_rest_jobs_per_second"]
        found["burst_into_jobs"] = round(rate, 2)
    runs = {str(run["n"]): run for run in figures.get("runs", ())}
    folded = {f"{figures['folded']['n']}_folded": figures["folded"]} if "folded" in figures else {}
    for name, run in (runs | folded).items():
        if "same_writes_jobs_per_second" in floor:
            share = run["jobs_per_second"] / floor["same_writes_jobs_per_second"]
            found[f"into_jobs_of_{name}"] = round(share, 2)
        if "bare_jobs_complete_per_second" in floor:
            share = run["complete_per_second"] / floor["bare_jobs_complete_per_second"]
            found[f"complete_of_{name}"] = round(share, 2)
    return found | {"aim_into_jobs": INTAKE_SHARE, "aim_complete": COMPLETE_SHARE}

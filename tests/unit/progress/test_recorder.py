"""Curves and logs reach their ConfigMaps: in time, once, by whichever operator, and whatever fails on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from finetune_operator.api.model import Json
from finetune_operator.api.names import UID_LABEL, record_name
from finetune_operator.cluster import AlreadyExists, ClusterError, Conflict, NotFound, Refused, Resource, Unavailable
from finetune_operator.cluster.bucket import TokenBucket
from finetune_operator.cluster.resources import FINETUNEJOBS, Key
from finetune_operator.planning.progress import LogLine, Progress
from finetune_operator.reconciler.progress.recorder import WRITERS, Recorder, Tempo
from finetune_operator.reconciler.progress.reporter import Reporter
from finetune_operator.reconciler.queue import Backoff, WorkQueue
from finetune_operator.reconciler.store import Store
from tests.support.eventually import eventually
from tests.unit.planning.scene import NAME, NOW, UID, a_job, job_body

KEY = Key("team-a", NAME)
CURVE, LOG = (record_name(NAME, UID, kind, 0) for kind in ("curve", "log"))


@dataclass
class Shelf:
    """ConfigMaps by name, with versions, as an API server keeps them. ``failures``: raised one by one, by the next calls."""

    maps: dict[str, Json] = field(default_factory=dict)
    failures: list[ClusterError] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json:
        self._fail(resource, namespace)
        if name not in self.maps:
            raise NotFound(name)
        return self.maps[name]

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        self._fail(resource, namespace)
        name = body["metadata"]["name"]
        if name in self.maps:
            raise AlreadyExists(name)
        self.writes.append(f"create {name}")
        self.maps[name] = {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}}
        return self.maps[name]

    async def patch(self, resource: Resource, namespace: str | None, name: str, body: Json) -> Json:
        self._fail(resource, namespace)
        held = self.maps[name]
        if body["metadata"]["resourceVersion"] != held["metadata"]["resourceVersion"]:
            raise Conflict(name)
        self.writes.append(f"patch {name}")
        version = str(int(held["metadata"]["resourceVersion"]) + 1)
        metadata = {**held["metadata"], "resourceVersion": version}
        self.maps[name] = {**held, "metadata": metadata, "data": {**held["data"], **body["data"]}}
        return self.maps[name]

    def steps(self, name: str = CURVE) -> list[int]:
        return list(json.loads(self.maps[name]["data"]["curve.json"])["metrics"]["loss"]["steps"])

    def lines(self, name: str = LOG) -> list[str]:
        return [json.loads(line)["message"] for line in self.maps[name]["data"]["log.jsonl"].splitlines()]

    def _fail(self, resource: Resource, namespace: str | None) -> None:
        assert (resource.plural, namespace) == ("configmaps", "team-a")
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class Desk:
    """A job and its recorder. ``interval``: seconds between writes; time is the loop's own."""

    shelf: Shelf = field(default_factory=Shelf)
    store: Store = field(default_factory=Store)
    interval: float = 0.02
    rate: float = 1000

    def __post_init__(self) -> None:
        self.store.put(FINETUNEJOBS, job_body())
        clock = asyncio.get_running_loop().time
        queue = WorkQueue(clock, lambda: 0.0, Backoff(first=0.01, longest=0.05))
        tempo = Tempo(self.interval, TokenBucket(self.rate, 1, clock))
        self.recorder = Recorder(self.shelf, self.store, queue, tempo)

    def report(self, step: int, *messages: str, run: int = 0, uid: str = UID) -> None:
        reporter = Reporter(KEY, uid, 1, "pod", NOW, run)
        lines = tuple(LogLine(NOW, "info", message) for message in messages)
        self.recorder.note(reporter, Progress(1, "pod", step, NOW, metrics={"loss": 1 / step}, log_lines=lines))

    def others_report(self, count: int) -> None:
        """As many other jobs, which go on."""
        for number in range(count):
            body = job_body()
            body["metadata"] |= {"name": f"other-{number}", "uid": f"uid-{number}"}
            self.store.put(FINETUNEJOBS, body)
            reporter = Reporter(KEY._replace(name=f"other-{number}"), f"uid-{number}", 1, "pod", NOW, 0)
            self.recorder.note(reporter, Progress(1, "pod", 1, NOW, metrics={"loss": 1.0}))

    def ends(self, phase: str, step: int, loss: float) -> None:
        progress = {"step": step, "metrics": {"loss": loss}, "lastUpdatedTime": "2026-11-21T12:00:00Z"}
        body = job_body(status={"phase": phase, "progress": progress})
        body["metadata"]["resourceVersion"] = "2"
        self.store.put(FINETUNEJOBS, body)
        self.recorder.conclude(KEY)

    def is_done(self) -> bool:
        return self.recorder.waiting == 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.recorder.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_the_first_write_makes_both_config_maps_for_the_job() -> None:
    desk = Desk()
    async with desk.running():
        desk.report(5, "hello")
        await eventually(desk.is_done)
    for name in (CURVE, LOG):
        metadata = desk.shelf.maps[name]["metadata"]
        assert metadata["ownerReferences"] == [a_job().owner_reference()]
        assert metadata["labels"][UID_LABEL] == UID
    assert (desk.shelf.steps(), desk.shelf.lines()) == ([5], ["hello"])


async def test_reports_between_two_writes_are_written_together() -> None:
    desk = Desk(interval=0.05)
    async with desk.running():
        for step in range(1, 9):
            desk.report(step, f"step {step}")
        assert desk.shelf.writes == []
        await eventually(desk.is_done)
    assert desk.shelf.writes == [f"create {CURVE}", f"create {LOG}"]
    assert (desk.shelf.steps(), len(desk.shelf.lines())) == (list(range(1, 9)), 8)


async def test_another_operator_goes_on_where_this_one_ended() -> None:
    first = Desk()
    async with first.running():
        first.report(1, "one")
        first.report(2, "two")
        await eventually(first.is_done)
    second = Desk(first.shelf)
    async with second.running():
        second.report(3, "two", "three")
        await eventually(second.is_done)
    assert (second.shelf.steps(), second.shelf.lines()) == ([1, 2, 3], ["one", "two", "three"])


async def test_a_job_that_ends_is_written_at_once_with_how_it_ended() -> None:
    desk = Desk(interval=3600)
    async with desk.running():
        desk.report(5, "the last words")
        desk.ends("Succeeded", 9, 0.125)
        await eventually(desk.is_done)
    assert (desk.shelf.steps(), desk.shelf.lines()) == ([5, 9], ["the last words"])


@pytest.mark.parametrize("failures", [[], [Unavailable("away")] * WRITERS], ids=["at once", "when it is tried again"])
async def test_the_end_of_a_job_is_written_before_what_others_report(failures: list[ClusterError]) -> None:
    desk = Desk(interval=0, rate=100)
    desk.shelf.failures.extend(failures)
    desk.others_report(50)
    desk.report(5, "the last words")
    desk.ends("Succeeded", 9, 0.125)
    async with desk.running():
        await eventually(desk.is_done)
    assert len(desk.shelf.writes) == 52
    assert desk.shelf.writes.index(f"create {LOG}") < 20


async def test_a_job_that_failed_keeps_what_it_reported() -> None:
    desk = Desk(interval=3600)
    async with desk.running():
        desk.report(5)
        desk.ends("Failed", 4, 0.25)
        await eventually(desk.is_done)
    assert desk.shelf.steps() == [5]
    assert LOG not in desk.shelf.maps


async def test_each_run_has_config_maps_of_its_own() -> None:
    desk = Desk()
    async with desk.running():
        desk.report(100)
        await eventually(desk.is_done)
        desk.report(1, run=1)
        await eventually(desk.is_done)
    assert (desk.shelf.steps(), desk.shelf.steps(f"{CURVE}-1")) == ([100], [1])


FAILURES: dict[str, list[ClusterError]] = {
    "the API server is away": [Unavailable("away")] * 3,
    "somebody else wrote": [Conflict("changed")],
    "there is no right": [Refused("forbidden")] * 2,
    "it was made meanwhile": [NotFound("not yet"), AlreadyExists("now")],
}


@pytest.mark.parametrize("failures", FAILURES.values(), ids=FAILURES)
async def test_a_write_that_fails_is_tried_again_and_nothing_is_lost(failures: list[ClusterError]) -> None:
    desk = Desk()
    async with desk.running():
        desk.report(1, "one")
        await eventually(desk.is_done)
        desk.shelf.failures.extend(failures)
        desk.report(2, "two")
        await eventually(lambda: not desk.shelf.failures)
        desk.report(3, "three")
        await eventually(desk.is_done)
    assert (desk.shelf.steps(), desk.shelf.lines()) == ([1, 2, 3], ["one", "two", "three"])


async def test_what_was_written_before_the_failure_is_not_written_twice() -> None:
    desk = Desk()
    async with desk.running():
        desk.report(1, "one")
        await eventually(lambda: CURVE in desk.shelf.maps)
        desk.shelf.failures.append(Unavailable("away"))
        await eventually(desk.is_done)
    assert desk.shelf.writes == [f"create {CURVE}", f"create {LOG}"]


async def test_a_config_map_of_somebody_else_is_left_alone() -> None:
    desk = Desk()
    theirs = {"metadata": {"name": CURVE, "resourceVersion": "1", "labels": {}}, "data": {"curve.json": "theirs"}}
    desk.shelf.maps[CURVE] = theirs
    async with desk.running():
        desk.report(1, "one")
        await eventually(desk.is_done)
    assert desk.shelf.maps[CURVE] == theirs
    assert desk.shelf.lines() == ["one"]


async def test_what_a_namesake_reported_that_is_gone_is_forgotten() -> None:
    desk = Desk()
    async with desk.running():
        desk.report(1, "one", uid="an-earlier-uid")
        await eventually(desk.is_done)
    assert desk.shelf.maps == {}


async def test_all_jobs_together_are_written_no_faster_than_the_setting() -> None:
    desk = Desk(rate=20)
    loop = asyncio.get_running_loop()
    async with desk.running():
        start = loop.time()
        for round_ in range(1, 6):
            desk.report(round_)
            await eventually(desk.is_done)
    assert loop.time() - start >= 4 / 20

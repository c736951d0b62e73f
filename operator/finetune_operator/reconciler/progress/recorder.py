"""Keeps what trainers report beyond their status: the curve and the last lines of each run, in ConfigMaps of its job.

They outlive the pods, and another operator goes on where this one ended. A write that fails is tried again, and
nothing else waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from pydantic import ValidationError

from finetune_operator.api.conditions import TERMINAL_PHASES, Phase
from finetune_operator.api.model import Json
from finetune_operator.api.names import UID_LABEL
from finetune_operator.cluster import AlreadyExists, ClusterError, Conflict, NotFound, Resource
from finetune_operator.cluster.bucket import TokenBucket
from finetune_operator.cluster.resources import CONFIGMAPS, Key
from finetune_operator.planning.curve import Curve
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.logbook import extended, written
from finetune_operator.planning.manifests.record import Record, record_map
from finetune_operator.planning.progress import Progress
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.logs import about
from finetune_operator.reconciler.progress.pending import Part, Pending, Told, no_points
from finetune_operator.reconciler.progress.reporter import Reporter
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.task import Task, task_of

WRITERS: Final = 2

log = logging.getLogger(__name__)


class Keeps(Protocol):
    """The part of the cluster client that is used here."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Json:
        """One object. Raises ClusterError."""

    async def create(self, resource: Resource, namespace: str | None, body: Json) -> Json:
        """Create an object. Raises ClusterError."""

    async def patch(self, resource: Resource, namespace: str | None, name: str, body: Json) -> Json:
        """Merge into an object. Raises ClusterError."""


@dataclass(frozen=True)
class Tempo:
    """A job's ConfigMaps are written at most once per ``interval`` seconds, all together as often as ``bucket`` allows."""

    interval: float
    bucket: TokenBucket


class Recorder:
    """Takes reports, and writes what is new in them when it is time."""

    def __init__(self, cluster: Keeps, store: Store, queue: WorkQueue, tempo: Tempo) -> None:
        self._cluster = cluster
        self._store = store
        self._queue = queue
        self._tempo = tempo
        self._pending = Pending()
        self._failing = False

    @property
    def waiting(self) -> int:
        """Jobs with something that is not written yet, or is being written."""
        return len(self._pending) + self._queue.working

    @property
    def dropped_lines(self) -> int:
        """Log lines for which there was no room."""
        return self._pending.dropped

    def note(self, reporter: Reporter, report: Progress) -> None:
        """Take what is new in a report."""
        lines = tuple(written(line, report.attempt) for line in report.log_lines)
        told = Told(reporter.job_uid, reporter.run, report.step, report.metrics, lines)
        if self._pending.note(reporter.key, told):
            self._queue.add(_task(reporter.key), after=self._tempo.interval, priority=Priority.RESYNC)

    def conclude(self, key: Key) -> None:
        """The job has ended: write what there is before all that others report, and where a model came of it, its end.

        What is not written is lost with this process, and who looks at a job that has ended finds its curve cut off.
        """
        job = self._store.job(key) or {}
        status = job.get("status") or {}
        if status.get("phase") == Phase.SUCCEEDED and (progress := status.get("progress")):
            uid, run = job["metadata"]["uid"], status.get("restartGeneration") or 0
            self._pending.note(key, Told(uid, run, progress["step"], progress.get("metrics") or {}, is_end=True))
        self._queue.add(_task(key))

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(self._work(), name=f"recorder-{number}")

    async def _work(self) -> None:
        while True:
            task = await self._queue.get()
            try:
                with about(task.namespace, task.name):
                    await self._attend(task)
            finally:
                self._queue.done(task)

    async def _attend(self, task: Task) -> None:
        part = self._pending.take(task.key)
        job = self._job(task.key, part)
        if part is None or job is None:
            return
        try:
            part = await self._without_points(job, part)
            part = await self._without_lines(job, part)
        except ClusterError as error:
            self._put_off(task, part, error.retry_after or 0)
            self._say_failing(error)
        except Exception:
            self._put_off(task, part, 0)
            log.exception("a defect of the operator: curve and log could not be kept")
        else:
            self._queue.forget(task)
            self._failing = False

    def _put_off(self, task: Task, part: Part, at_least: float) -> None:
        self._pending.put_back(task.key, part)
        phase = ((self._store.job(task.key) or {}).get("status") or {}).get("phase")
        priority = Priority.LIVE if phase in TERMINAL_PHASES else Priority.RESYNC
        self._queue.retry(task, at_least=at_least, priority=priority)

    async def _without_points(self, job: Job, part: Part) -> Part:
        """The part once its points are kept."""
        if part.curve:
            record = Record(job, part.run, "curve")
            await self._keep(record, lambda held: Curve.parse(held).extended(part.curve).document())
        return replace(part, curve=no_points())

    async def _without_lines(self, job: Job, part: Part) -> Part:
        """The part once its lines are kept."""
        if part.lines:
            await self._keep(Record(job, part.run, "log"), lambda held: extended(held, part.lines))
        return replace(part, lines=())

    async def _keep(self, record: Record, changed: Callable[[str], str]) -> None:
        namespace = record.job.namespace
        await self._tempo.bucket.take()
        try:
            held = await self._cluster.get(CONFIGMAPS, namespace, record.name)
        except NotFound:
            try:
                await self._cluster.create(CONFIGMAPS, namespace, record_map(record, changed("")))
            except AlreadyExists as error:
                raise Conflict(error.message) from error
            return
        metadata, text = held["metadata"], (held.get("data") or {}).get(record.file, "")
        if (metadata.get("labels") or {}).get(UID_LABEL) != record.job.uid:
            log.warning("ConfigMap %s is not this job's: nothing is kept in it", record.name)
            return
        if (new := changed(text)) != text:
            body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "data": {record.file: new}}
            await self._cluster.patch(CONFIGMAPS, namespace, record.name, body)

    def _job(self, key: Key, part: Part | None) -> Job | None:
        """The job that the part is of; None when it is gone, or its namesake has taken its place."""
        body = self._store.job(key)
        if body is None or part is None or body["metadata"]["uid"] != part.uid:
            return None
        try:
            return parse_job(body)
        except ValidationError:
            return None  # whoever looks after the job tells why it cannot be read

    def _say_failing(self, error: ClusterError) -> None:
        # Thousands of jobs report every few seconds: the first failure is news, the others are not.
        if not self._failing and not isinstance(error, Conflict):
            log.warning("curves and log lines wait until they can be kept: %s", error)
        self._failing = True


def _task(key: Key) -> Task:
    return task_of(CONFIGMAPS, key)

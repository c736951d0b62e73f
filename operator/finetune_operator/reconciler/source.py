"""Where events come from, as an interface, and what an event does: update the store and enqueue a key, nothing else."""

from __future__ import annotations

from typing import Final, Protocol

from finetune_operator.api.model import Json
from finetune_operator.api.names import DATASET_LABEL, JOB_LABEL, MANAGED_BY_LABEL, MANAGER
from finetune_operator.cluster.resources import (
    BASEMODELS,
    DATASETS,
    FINETUNEJOBS,
    INSTANCETYPES,
    JOBS,
    PODS,
    Key,
    Resource,
)
from finetune_operator.planning.rest import is_over
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.slim import same_but_for_version, slim
from finetune_operator.reconciler.store import CATALOG as CATALOG_KINDS
from finetune_operator.reconciler.store import CHILDREN, Store, key_of
from finetune_operator.reconciler.task import CATALOG, Task, dataset_task, task_of
from finetune_operator.reconciler.waking import Waker

OURS: Final = f"{MANAGED_BY_LABEL}={MANAGER}"
LABELS: Final = {INSTANCETYPES: "", BASEMODELS: "", DATASETS: "", FINETUNEJOBS: "", JOBS: OURS, PODS: OURS}
"""The label selector by which each kind is listed and watched, in the order in which they are listed."""

PLACING_SECONDS: Final = 1.0
"""A pod is made, placed and started in steps that often follow within a second: then only the last is told, at once.

Each of them would cost a status write and an Event, and they were a quarter of those of a short life.
"""


class Sink(Protocol):
    """Who takes events. Called in the event loop of the operator."""

    def changed(self, resource: Resource, body: Json) -> None:
        """An object is now like this."""

    def deleted(self, resource: Resource, body: Json) -> None:
        """An object is gone; ``body`` is its last state."""


class EventSource(Protocol):
    """Watches the kinds of the store. May deliver an event twice, late or out of order, and lose deletions."""

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled. Any other end, with or without an exception, is a failure."""


class Intake:
    """The sink between a source and the workers."""

    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue
        self._waker = Waker(store, queue)

    def changed(self, resource: Resource, body: Json, priority: Priority = Priority.LIVE) -> None:
        """Keep the object and enqueue whose work it is, unless it is the echo of what is held."""
        key = key_of(body)
        head = self._store.head(resource, key)
        if head is not None and head.version == body["metadata"]["resourceVersion"]:
            return
        held = self._store.get(resource, key)
        # An older state is not kept, but its news may still be unacted upon: our own later write can overtake it.
        kept = self._store.put(resource, body)
        if kept and held is not None and resource in CHILDREN and same_but_for_version(held, slim(resource, body)):
            return
        self._enqueue(resource, body, priority, _ripens_in(resource, body))
        if held is None or held["metadata"].get("generation") != body["metadata"].get("generation"):
            self._wake(resource, body)

    def deleted(self, resource: Resource, body: Json, priority: Priority = Priority.LIVE) -> None:
        """Forget the object and enqueue whose work it was."""
        self._store.drop(resource, key_of(body), body["metadata"]["resourceVersion"], last=body)
        self._enqueue(resource, body, priority)
        self._wake(resource, body)

    def revisit(self, priority: Priority) -> None:
        """Enqueue the catalog, every Dataset, and every job that goes on or was edited and was not looked at since the last revisit."""
        seen = self._queue.stock()
        self._queue.add(CATALOG, priority=priority)
        for dataset in self._store.entries(DATASETS):
            self._queue.add(dataset_task(key_of(dataset)), priority=priority)
        for job in self._store.jobs():
            task = task_of(FINETUNEJOBS, key_of(job))
            if not is_over(job) and task not in seen:
                self._queue.add(task, priority=priority)

    def _enqueue(self, resource: Resource, body: Json, priority: Priority, after: float = 0) -> None:
        if task := _task(resource, body):
            self._queue.add(task, after=after, priority=priority)

    def _wake(self, resource: Resource, body: Json) -> None:
        """Those who wait for the object; that only its status changed tells them nothing."""
        if resource in CATALOG_KINDS:
            self._waker.unadmitted()
        elif resource == DATASETS:
            self._waker.users_of_dataset(key_of(body))


def _ripens_in(resource: Resource, body: Json) -> float:
    """In how many seconds news is worth a look."""
    on_its_way = body.get("status", {}).get("phase") == "Pending" and "deletionTimestamp" not in body["metadata"]
    return PLACING_SECONDS if resource == PODS and on_its_way else 0


def _task(resource: Resource, body: Json) -> Task | None:
    """Whose work an object is: its own, or its owner's."""
    if resource in CATALOG_KINDS:
        return CATALOG
    if resource in {FINETUNEJOBS, DATASETS}:
        return task_of(resource, key_of(body))
    labels = body["metadata"].get("labels") or {}
    namespace = body["metadata"]["namespace"]
    if owner := labels.get(JOB_LABEL):
        return Task(namespace, owner)
    if owner := labels.get(DATASET_LABEL):
        return dataset_task(Key(namespace, owner))
    return None

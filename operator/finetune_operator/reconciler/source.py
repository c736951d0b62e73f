"""Where events come from, as an interface, and what an event does: update the store and enqueue a key, nothing else."""

from __future__ import annotations

from typing import Final, Protocol

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, MANAGED_BY_LABEL, MANAGER
from finetune_operator.cluster.resources import FINETUNEJOBS, INSTANCETYPES, JOBS, PODS, Key, Resource
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.store import Store, key_of

OURS: Final = f"{MANAGED_BY_LABEL}={MANAGER}"
LABELS: Final = {FINETUNEJOBS: "", INSTANCETYPES: "", JOBS: OURS, PODS: OURS}
"""The label selector by which each kind is listed and watched."""


class Sink(Protocol):
    """Who takes events. Called in the event loop of the operator."""

    def changed(self, resource: Resource, body: Json) -> None:
        """An object is now like this."""

    def deleted(self, resource: Resource, body: Json) -> None:
        """An object is gone; ``body`` is its last state."""


class EventSource(Protocol):
    """Watches the four kinds of the store. May deliver an event twice, late or out of order, and lose deletions."""

    async def run(self, sink: Sink) -> None:
        """Deliver events until cancelled. Any other end, with or without an exception, is a failure."""


class Intake:
    """The sink between a source and the workers."""

    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue

    def changed(self, resource: Resource, body: Json, priority: Priority = Priority.LIVE) -> None:
        """Keep the object and enqueue whose work it is, unless it is the echo of what is held."""
        held = self._store.get(resource, key_of(body))
        if held is not None and held["metadata"]["resourceVersion"] == body["metadata"]["resourceVersion"]:
            return
        # An older state is not kept, but its news may still be unacted upon: our own later write can overtake it.
        self._store.put(resource, body)
        self._enqueue(resource, body, priority)

    def deleted(self, resource: Resource, body: Json, priority: Priority = Priority.LIVE) -> None:
        """Forget the object and enqueue whose work it was."""
        self._store.drop(resource, key_of(body), body["metadata"]["resourceVersion"])
        self._enqueue(resource, body, priority)

    def revisit(self, priority: Priority) -> None:
        """Enqueue every job that has not ended."""
        for job in self._store.jobs():
            if (job.get("status") or {}).get("phase") not in TERMINAL_PHASES:
                self._queue.add(key_of(job), priority=priority)

    def _enqueue(self, resource: Resource, body: Json, priority: Priority) -> None:
        if resource == FINETUNEJOBS:
            self._queue.add(key_of(body), priority=priority)
        elif resource == INSTANCETYPES:
            self.revisit(Priority.RESYNC)
        elif owner := (body["metadata"].get("labels") or {}).get(JOB_LABEL):
            self._queue.add(Key(body["metadata"]["namespace"], owner), priority=priority)

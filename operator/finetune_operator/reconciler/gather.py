"""Reads what is: the store's view of a job's children, a fresh listing where absence matters, and Events' words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import UID_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import EVENTS, JOBS, PODS, Resource
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Beside, Hint, Observed, ObservedJob, observe
from finetune_operator.planning.progress import Progress
from finetune_operator.planning.standing import Standing, Underway
from finetune_operator.reconciler.store import Store, key_of

MOST_HINTS: Final = 8

ReadProgress = Callable[[str], Progress | None]
"""The newest report of the FineTuneJob with this uid."""


class Gatherer:
    """Reads for one reconcile at a time per job."""

    def __init__(self, cluster: Cluster, store: Store, read_progress: ReadProgress) -> None:
        self._cluster = cluster
        self._store = store
        self._read_progress = read_progress

    def look(self, job: Job, hints: tuple[Hint, ...] = ()) -> Observed:
        """What the watch has brought so far. Costs nothing."""
        children = self._store.children(job.uid)
        return observe(children.jobs, children.pods, Beside(self._read_progress(job.uid), hints))

    async def confirm(self, job: Job) -> Observed:
        """Jobs and pods as the API server has them now; the store learns it too."""
        selector = f"{UID_LABEL}={job.uid}"
        jobs = await self._cluster.list(JOBS, job.namespace, labels=selector)
        pods = await self._cluster.list(PODS, job.namespace, labels=selector)
        children = self._store.children(job.uid)
        self._learn(JOBS, jobs, children.jobs)
        self._learn(PODS, pods, children.pods)
        return observe(jobs, pods, Beside(self._read_progress(job.uid), confirmed=True))

    async def hints(self, job: Job, standing: Standing) -> tuple[Hint, ...]:
        """Events about a child that does not come up, newest first: quota, mounts and pulls are told nowhere else."""
        subject = _puzzling(standing.job) if isinstance(standing, Underway) else None
        if subject is None:
            return ()
        events = await self._cluster.list(EVENTS, job.namespace, fields=f"involvedObject.uid={subject}")
        newest = sorted(events, key=_event_time, reverse=True)[:MOST_HINTS]
        return tuple(Hint(event.get("reason", ""), event.get("message", "")) for event in newest)

    def _learn(self, resource: Resource, fresh: Iterable[Json], held: Iterable[Json]) -> None:
        present = {key_of(body) for body in fresh}
        for body in fresh:
            self._store.put(resource, body)
        for body in held:
            if key_of(body) not in present:
                self._store.drop(resource, key_of(body))


def _puzzling(job: ObservedJob) -> str | None:
    """The uid of the child whose Events may tell why nothing runs: the Job without a pod, or the pod on its node."""
    pod = job.pod
    if pod is None:
        return None if job.finished else job.uid
    starting = pod.node and not pod.running_since and not pod.exit and not pod.terminal
    return pod.uid if starting else None


def _event_time(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")

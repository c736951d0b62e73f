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
from finetune_operator.planning.standing import Leaving, Standing, Underway
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
        beside = Beside(self._read_progress(job.uid), hints, departed=children.departed)
        return observe(children.jobs, children.pods, beside)

    async def confirm(self, job: Job) -> Observed:
        """Jobs and pods as the API server has them now; the store learns it too."""
        selector = f"{UID_LABEL}={job.uid}"
        jobs = await self._cluster.list(JOBS, job.namespace, labels=selector)
        pods = await self._cluster.list(PODS, job.namespace, labels=selector)
        children = self._store.children(job.uid)
        learn(self._store, JOBS, jobs, children.jobs)
        learn(self._store, PODS, pods, children.pods)
        departed = self._store.children(job.uid).departed
        return observe(jobs, pods, Beside(self._read_progress(job.uid), confirmed=True, departed=departed))

    async def hints(self, job: Job, standing: Standing) -> tuple[Hint, ...]:
        """Events about a child that does not come up, newest first: quota, mounts and pulls are told nowhere else."""
        match standing:
            case Underway(child) | Leaving(child, told=False):
                return await hints_about(self._cluster, job.namespace, child)
            case _:
                return ()


async def hints_about(cluster: Cluster, namespace: str, job: ObservedJob) -> tuple[Hint, ...]:
    """Events about what of a Job does not come up, newest first; none when all is well."""
    subject = _puzzling(job)
    if subject is None:
        return ()
    events = await cluster.list(EVENTS, namespace, fields=f"involvedObject.uid={subject}")
    newest = sorted(events, key=_event_time, reverse=True)[:MOST_HINTS]
    return tuple(Hint(event.get("reason", ""), event.get("message", "")) for event in newest)


def learn(store: Store, resource: Resource, fresh: Iterable[Json], held: Iterable[Json]) -> None:
    """Have the store hold what was just listed, and of what it held nothing that was not."""
    present = {key_of(body) for body in fresh}
    for body in fresh:
        store.put(resource, body)
    for body in held:
        if key_of(body) not in present:
            store.drop(resource, key_of(body))


def _puzzling(job: ObservedJob) -> str | None:
    """The uid of the child whose Events may tell why nothing runs: the Job that lacks a pod, or the pod on its node."""
    if job.over or job.finished:
        return None
    pod = job.slowest
    if pod is None:
        return job.uid
    return pod.uid if pod.node and not pod.running_since else None


def _event_time(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")

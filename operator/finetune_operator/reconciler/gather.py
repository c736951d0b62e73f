"""Reads what is: the store's view of a job's children, a fresh listing where absence matters, and Events' words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from finetune_operator.api.model import Json
from finetune_operator.api.names import UID_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import JOBS, PODS, Resource
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Beside, Hint, Observed
from finetune_operator.planning.observing import observe
from finetune_operator.planning.progress import Progress
from finetune_operator.planning.standing import Leaving, Standing, Underway
from finetune_operator.reconciler.hints import Hints
from finetune_operator.reconciler.store import Store, key_of

ReadProgress = Callable[[str], Progress | None]
"""The newest report of the FineTuneJob with this uid."""


class Gatherer:
    """Reads for one reconcile at a time per job."""

    def __init__(self, cluster: Cluster, store: Store, read_progress: ReadProgress, hints: Hints) -> None:
        self._cluster = cluster
        self._store = store
        self._read_progress = read_progress
        self._hints = hints

    def look(self, job: Job, hints: tuple[Hint, ...] = ()) -> Observed:
        """What the watch has brought so far. Costs nothing."""
        children = self._store.children(job.namespace, job.uid)
        beside = Beside(self._read_progress(job.uid), hints, departed=children.departed)
        return observe(children.jobs, children.pods, beside)

    async def confirm(self, job: Job) -> Observed:
        """Jobs and pods as the API server has them now; the store learns it too."""
        selector = f"{UID_LABEL}={job.uid}"
        jobs = await self._cluster.list(JOBS, job.namespace, labels=selector)
        pods = await self._cluster.list(PODS, job.namespace, labels=selector)
        children = self._store.children(job.namespace, job.uid)
        learn(self._store, JOBS, jobs, children.jobs)
        learn(self._store, PODS, pods, children.pods)
        departed = self._store.children(job.namespace, job.uid).departed
        return observe(jobs, pods, Beside(self._read_progress(job.uid), confirmed=True, departed=departed))

    async def hints(self, job: Job, standing: Standing) -> tuple[Hint, ...]:
        """Events about a child that does not come up, newest first: quota, mounts and pulls are told nowhere else."""
        match standing:
            case Underway(child) | Leaving(child, told=False):
                return await self._hints.about(job.namespace, child)
            case _:
                return ()


def learn(store: Store, resource: Resource, fresh: Iterable[Json], held: Iterable[Json]) -> None:
    """Have the store hold what was just listed, and of what it held nothing that was not."""
    present = {key_of(body) for body in fresh}
    for body in fresh:
        store.put(resource, body)
    for body in held:
        if key_of(body) not in present:
            store.drop(resource, key_of(body))

"""Builds the thinking half of the operator: the reconciler, and the progress endpoint that feeds it."""

from __future__ import annotations

import time

from pydantic import ValidationError

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import DATASETS, Key
from finetune_operator.planning.dataset.manifest import InspectionImages
from finetune_operator.planning.control import control_of
from finetune_operator.planning.job import parse_job
from finetune_operator.planning.manifests.pod import Progress as ProgressTarget
from finetune_operator.reconciler import progress
from finetune_operator.reconciler.act import Actor
from finetune_operator.reconciler.catalog_status import CatalogStatus
from finetune_operator.reconciler.datasets import DatasetKeeper
from finetune_operator.reconciler.gather import Gatherer
from finetune_operator.reconciler.offering import Offering
from finetune_operator.reconciler.reconcile import Reconciler
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.task import CATALOG, Task
from finetune_operator.reconciler.waking import Waker
from finetune_operator.reconciler.wiring import Assembly, Parts


async def assemble(parts: Parts) -> Assembly:
    """The reconciler, and the progress endpoint as a service.

    Raises SettingsError, AuthorityError or ClusterError if the endpoint cannot be prepared.
    """
    post = _Post(parts)
    endpoint = await progress.Endpoint.prepare(parts.cluster, parts.settings, post.reception, parts.now)

    def target_of(key: Key) -> ProgressTarget:
        return ProgressTarget(progress.progress_url(parts.settings.progress.url, key), endpoint.ca_bundle)

    gatherer = Gatherer(parts.cluster, parts.store, post.inbox.newest)
    actor = Actor(parts.cluster, parts.store, target_of, parts.settings.image_pull_policy)
    offering = Offering(parts.cluster, parts.store, parts.settings.images.by_family(), time.monotonic)
    reconciler = Reconciler(parts.cluster, parts.store, gatherer, actor, offering, parts.now)
    datasets = _datasets(parts)
    catalog = CatalogStatus(parts.cluster, parts.store, parts.now)

    async def reconcile(task: Task) -> float | None:
        if task == CATALOG:
            await catalog.reconcile()
            return None
        if task.kind == DATASETS.kind:
            return await datasets.reconcile(task.key)
        after = await reconciler.reconcile(task.key)
        post.tidy(task.key)
        return after

    return Assembly(reconcile, (endpoint.run,))


def _datasets(parts: Parts) -> DatasetKeeper:
    settings = parts.settings
    images = InspectionImages(settings.images.by_family(), settings.image_pull_policy)
    waker = Waker(parts.store, parts.queue)
    return DatasetKeeper(parts.cluster, parts.store, images, waker.users_of_dataset, parts.now)


class _Post:
    """The inbox of reports, what fills it, and who empties it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._reporting: dict[Key, str] = {}
        interval = parts.settings.progress.status_interval_seconds
        self.inbox = progress.Inbox(interval, self._on_news, time.monotonic)
        reviewer = progress.TokenReviewer(parts.cluster, time.monotonic)
        clocks = progress.Clocks(parts.now, time.monotonic)
        self.reception = progress.Reception(parts.store, reviewer, self.inbox, self._reply, clocks)

    def tidy(self, key: Key) -> None:
        """Forget the reports of a job that has ended or is gone, or whose namesake has taken its place."""
        uid = self._reporting.get(key)
        if uid is not None and not _goes_on(self._parts.store.job(key), uid):
            self.inbox.forget(uid)
            del self._reporting[key]

    def _on_news(self, key: Key, after: float) -> None:
        job = self._parts.store.job(key)
        if job is not None:
            self._reporting[key] = job["metadata"]["uid"]
        self._parts.queue.add(Task(*key), after=after)

    def _reply(self, key: Key) -> Json:
        return reply_of(self._parts.store, key)


def reply_of(store: Store, key: Key) -> Json:
    """What a trainer should know besides its run document: a budget that was raised since, or a stop."""
    body = store.job(key)
    if body is None:
        return {}
    try:
        return control_of(parse_job(body))
    except ValidationError:
        return {}  # whoever looks after the job tells why it cannot be read


def _goes_on(job: Json | None, uid: str) -> bool:
    if job is None or job["metadata"]["uid"] != uid:
        return False
    return (job.get("status") or {}).get("phase") not in TERMINAL_PHASES

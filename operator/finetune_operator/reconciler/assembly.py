"""Builds the thinking half of the operator: the reconciler, and the progress endpoint that feeds it."""

from __future__ import annotations

import time

from finetune_operator.cluster.resources import DATASETS, Key
from finetune_operator.planning.dataset.manifest import InspectionImages
from finetune_operator.planning.manifests.pod import Progress as ProgressTarget
from finetune_operator.reconciler import progress
from finetune_operator.reconciler.act import Actor
from finetune_operator.reconciler.catalog_status import CatalogStatus
from finetune_operator.reconciler.datasets import DatasetKeeper
from finetune_operator.reconciler.gather import Gatherer
from finetune_operator.reconciler.hints import Hints
from finetune_operator.reconciler.offering import Offering
from finetune_operator.reconciler.post import Post
from finetune_operator.reconciler.reconcile import Reconciler
from finetune_operator.reconciler.source import Intake
from finetune_operator.reconciler.task import CATALOG, Task
from finetune_operator.reconciler.waking import Waker
from finetune_operator.reconciler.wiring import Assembly, Parts


async def assemble(parts: Parts) -> Assembly:
    """The reconciler, and beside it the progress endpoint and the keeping of curves and logs.

    Raises SettingsError, AuthorityError or ClusterError if the endpoint cannot be prepared.
    """
    post = Post(parts)
    endpoint = await progress.Endpoint.prepare(parts.cluster, parts.settings, post.reception, parts.now)
    parts.metrics.watch_reports(parts.store, post.reports)

    def target_of(key: Key) -> ProgressTarget:
        return ProgressTarget(progress.progress_url(parts.settings.progress.url, key), endpoint.ca_bundle)

    hints = Hints(parts.cluster, time.monotonic)
    gatherer = Gatherer(parts.cluster, parts.store, post.inbox.newest, hints)
    actor = Actor(parts.cluster, parts.store, target_of, parts.settings.image_pull_policy)
    offering = Offering(
        parts.cluster, parts.store, parts.settings.images.by_family(), time.monotonic, parts.settings.stages.staging
    )
    learn = Intake(parts.store, parts.queue).changed
    reconciler = Reconciler(parts.cluster, parts.store, gatherer, actor, offering, parts.now, learn)
    datasets = _datasets(parts, hints)
    catalog = CatalogStatus(parts.cluster, parts.store, parts.now)

    async def reconcile(task: Task) -> float | None:
        if task == CATALOG:
            await catalog.reconcile()
            return None
        if task.kind == DATASETS.kind:
            return await datasets.reconcile(task.key)
        news = post.awaited(task.key)
        again = await reconciler.reconcile(task.key)
        post.tidy(task.key)
        return min((each for each in (news, again) if each is not None), default=None)

    return Assembly(reconcile, (endpoint.run, post.recorder.run))


def _datasets(parts: Parts, hints: Hints) -> DatasetKeeper:
    settings = parts.settings
    images = InspectionImages(settings.images.by_family(), settings.image_pull_policy)
    waker = Waker(parts.store, parts.queue)
    return DatasetKeeper(parts.cluster, parts.store, images, waker.users_of_dataset, parts.now, hints)

"""What a job may choose from at this moment: the catalog, the trainer images, its namespace's labels and Datasets."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from finetune_operator.catalog.catalog import Broken
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import NotFound, Refused
from finetune_operator.cluster.resources import CLAIMS, NAMESPACES
from finetune_operator.planning.dataset.registration import registered
from finetune_operator.planning.job import Job
from finetune_operator.planning.outcome import workspace_of
from finetune_operator.planning.resolve import Offer
from finetune_operator.planning.resolving.shared_claims import shared_claims
from finetune_operator.planning.staging import AS_DESIGNED, Staging
from finetune_operator.reconciler.queue import Monotonic
from finetune_operator.reconciler.store import Store

log = logging.getLogger(__name__)

LABELS_KEPT_SECONDS: Final = 60.0

Labels = Mapping[str, str]


class Offering:
    """Puts offers together; asks the API server for a namespace's labels only where an InstanceType selects by them."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        images: Mapping[str, str],
        clock: Monotonic,
        staging: Staging = AS_DESIGNED,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._images = images
        self._clock = clock
        self._staging = staging
        self._labels: dict[str, tuple[float, Labels]] = {}

    async def offer(self, job: Job) -> Offer:
        """For this job. Raises ClusterError when its namespace cannot be asked for."""
        catalog = self._store.catalog()
        selects = any(
            not isinstance(entry, Broken) and entry.namespace_selector for entry in catalog.instance_types.values()
        )
        labels = await self._namespace_labels(job.namespace) if selects else {}
        names_datasets = any(each.dataset_ref for each in job.spec.datasets)
        datasets = registered(self._store.datasets(job.namespace)) if names_datasets else {}
        modes = await self._modes(job)
        return Offer(catalog, self._images, labels, datasets, self._workspaces(job), modes, self._staging)

    async def _modes(self, job: Job) -> Mapping[str, tuple[str, ...]]:
        """Of the claims that its pods are to share. One that is not there, or may not be read, is waited for as any volume."""
        found: dict[str, tuple[str, ...]] = {}
        for name in shared_claims(job.spec):
            with suppress(NotFound, Refused):
                body = await self._cluster.get(CLAIMS, job.namespace, name)
                found[name] = tuple(body["spec"].get("accessModes") or ())
        return found

    def _workspaces(self, job: Job) -> Mapping[str, str]:
        """Those of the other jobs of the namespace, if it goes on from one of them."""
        source = job.spec.model.from_checkpoint
        if source is None or source.job is None:
            return {}
        others = (body for body in self._store.jobs() if body["metadata"]["namespace"] == job.namespace)
        found = {
            body["metadata"]["name"]: workspace_of(
                body["metadata"]["name"], body["metadata"]["uid"], (body["spec"].get("output") or {}).get("uri")
            )
            for body in others
        }
        return {name: uri for name, uri in found.items() if name != job.name}

    async def _namespace_labels(self, namespace: str) -> Labels:
        known = self._labels.get(namespace)
        if known is not None and self._clock() < known[0]:
            return known[1]
        labels = await self._ask(namespace)
        now = self._clock()
        fresh = {name: entry for name, entry in self._labels.items() if now < entry[0]}
        self._labels = {**fresh, namespace: (now + LABELS_KEPT_SECONDS, labels)}
        return labels

    async def _ask(self, namespace: str) -> Labels:
        try:
            body = await self._cluster.get(NAMESPACES, None, namespace)
        except NotFound:
            return {}
        except Refused as error:
            log.warning("InstanceTypes that select namespaces are offered to nobody: %s", error)
            return {}
        labels: Labels = body["metadata"].get("labels") or {}
        return labels

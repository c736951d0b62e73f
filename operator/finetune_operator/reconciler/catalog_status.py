"""Tells administrators in each InstanceType and BaseModel whether jobs can use it. Written only where it changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Broken, Catalog
from finetune_operator.catalog.model_soundness import gaps_of_base_model
from finetune_operator.catalog.soundness import gaps_of_instance_type
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError, NotFound
from finetune_operator.cluster.resources import BASEMODELS, INSTANCETYPES, Resource
from finetune_operator.planning.entry_status import entry_status
from finetune_operator.planning.patch import merge_patch
from finetune_operator.reconciler.reconcile import Clock
from finetune_operator.reconciler.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One entry of the catalog with what is found in it."""

    resource: Resource
    body: Json
    broken: Broken | None
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class CatalogStatus:
    """Looks at the whole catalog at once, because whether an entry is sound may depend on another one."""

    cluster: Cluster
    store: Store
    clock: Clock

    async def reconcile(self) -> None:
        """Write what is new. One entry that cannot be written keeps none of the others back.

        Raises the last ClusterError: call again.
        """
        failed: ClusterError | None = None
        for entry in tuple(self._entries()):  # what comes during a write has its own turn
            try:
                await self._tell(entry)
            except NotFound:
                continue  # deleted meanwhile
            except ClusterError as error:
                failed = error
        if failed is not None:
            raise failed

    def _entries(self) -> Iterator[Entry]:
        catalog = self.store.catalog()
        for body in self.store.entries(INSTANCETYPES):
            yield _instance_type(body, catalog)
        for body in self.store.entries(BASEMODELS):
            yield _base_model(body, catalog)

    async def _tell(self, entry: Entry) -> None:
        body, metadata = entry.body, entry.body["metadata"]
        status = entry_status(body, entry.broken, entry.gaps, self.clock().replace(microsecond=0))
        patch = merge_patch(body.get("status") or {}, status)
        if not patch:
            return
        if entry.broken:
            log.warning("%s %s is not usable: %s", entry.resource.kind, metadata["name"], entry.broken.why)
        stamped = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": patch}
        written = await self.cluster.patch_status(entry.resource, None, metadata["name"], stamped)
        self.store.put(entry.resource, written)


def _instance_type(body: Json, catalog: Catalog) -> Entry:
    found = catalog.instance_types[body["metadata"]["name"]]
    if isinstance(found, Broken):
        return Entry(INSTANCETYPES, body, found)
    return Entry(INSTANCETYPES, body, None, tuple(gaps_of_instance_type(found)))


def _base_model(body: Json, catalog: Catalog) -> Entry:
    found = catalog.base_models[body["metadata"]["name"]]
    if isinstance(found, Broken):
        return Entry(BASEMODELS, body, found)
    return Entry(BASEMODELS, body, None, tuple(gaps_of_base_model(found)))

"""The operator's view of the cluster: slim copies of all resources of our kinds, and of our Jobs and Pods.

Fed by listings, by events and by the answers to our own writes, in any order: an object never goes back in time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import DATASET_UID_LABEL, UID_LABEL
from finetune_operator.catalog.catalog import Catalog, read_catalog
from finetune_operator.cluster.resources import (
    BASEMODELS,
    DATASETS,
    FINETUNEJOBS,
    INSTANCETYPES,
    JOBS,
    PODS,
    Key,
    ObjectKey,
    Resource,
)
from finetune_operator.reconciler.departed import Departed
from finetune_operator.reconciler.shelf import Shelf
from finetune_operator.reconciler.slim import outline, slim

WATCHED: Final = (FINETUNEJOBS, INSTANCETYPES, BASEMODELS, DATASETS, JOBS, PODS)
CATALOG: Final = (INSTANCETYPES, BASEMODELS)
CHILDREN: Final = (JOBS, PODS)
REMEMBERED_DELETIONS: Final = 10_000
"""An echo of a deleted object arrives within seconds; this many deletions last far longer."""


@dataclass(frozen=True)
class Children:
    """The batch/v1 Jobs and the Pods that carry the uid of one FineTuneJob or Dataset, oldest first.

    ``departed``: pods that are gone, each as it was last seen, whether or not their Job still is there.
    """

    jobs: tuple[Json, ...] = ()
    pods: tuple[Json, ...] = ()
    departed: tuple[Json, ...] = ()


class Store:
    """Objects by kind and key. Belongs to one event loop: no method waits, and none is safe in another thread."""

    def __init__(self) -> None:
        self._objects: Mapping[Resource, Shelf] = {resource: Shelf() for resource in WATCHED}
        self._heads: Mapping[Resource, dict[Key, ObjectKey]] = {resource: {} for resource in WATCHED}
        self._outlines: dict[Key, Json] = {}
        self._owned: Mapping[Resource, dict[str, set[Key]]] = {resource: {} for resource in CHILDREN}
        self._deleted: OrderedDict[tuple[Resource, Key], str] = OrderedDict()
        self._departed = Departed()
        self._catalog: Catalog | None = None

    def put(self, resource: Resource, body: Json) -> bool:
        """Keep an object as it now is. False when what is held, or its deletion, is as new or newer."""
        key = key_of(body)
        version = _version(body)
        head = self._heads[resource].get(key)
        if head is not None and not _newer(version, head.version):
            return False
        if (deletion := self._deleted.get((resource, key))) is not None and not _newer(version, deletion):
            return False
        if head is not None and resource in CHILDREN:
            self._disown(resource, key, self._objects[resource][key])
        self._deleted.pop((resource, key), None)
        kept = self._objects[resource][key] = slim(resource, body)
        self._heads[resource][key] = ObjectKey(key, str(body["metadata"].get("uid", "")), version)
        if resource == FINETUNEJOBS:
            self._outlines[key] = outline(kept)
        self._forget_catalog(resource)
        if resource in CHILDREN:
            self._owned[resource].setdefault(_owner_uid(kept), set()).add(key)
        return True

    def drop(self, resource: Resource, key: Key, version: str | None = None, last: Json | None = None) -> bool:
        """Forget an object that was deleted at ``version``. False when it is not held, or is a newer namesake.

        ``last`` is its last state, where that is known to be newer than what is held.
        """
        held = self._objects[resource].get(key)
        if last is not None:
            self._see_off(resource, slim(resource, last))
        if version is not None:
            if held is not None and _newer(_version(held), version):
                return False
            self._bury(resource, key, version)
        if held is None:
            return False
        if last is None:
            self._see_off(resource, held)
        if resource in CHILDREN:
            self._disown(resource, key, held)
        del self._objects[resource][key], self._heads[resource][key]
        if resource == FINETUNEJOBS:
            del self._outlines[key]
        self._forget_catalog(resource)
        return True

    def get(self, resource: Resource, key: Key) -> Json | None:
        """The object, or None."""
        return self._objects[resource].get(key)

    def job(self, key: Key) -> Json | None:
        """The FineTuneJob, or None."""
        return self._objects[FINETUNEJOBS].get(key)

    def jobs(self) -> tuple[Json, ...]:
        """All FineTuneJobs in outline: what somebody looks at of all of them at once. ``job`` has the whole."""
        return tuple(self._outlines.values())

    def keys(self) -> tuple[Key, ...]:
        """The keys of all FineTuneJobs."""
        return tuple(self._objects[FINETUNEJOBS])

    def catalog(self) -> Catalog:
        """All InstanceTypes and BaseModels, read once after each change."""
        if self._catalog is None:
            specs = [{b["metadata"]["name"]: b["spec"] for b in self.entries(kind)} for kind in CATALOG]
            self._catalog = read_catalog(*specs)
        return self._catalog

    def entries(self, resource: Resource) -> tuple[Json, ...]:
        """All objects of a kind."""
        return tuple(self._objects[resource].bodies())

    def dataset(self, namespace: str, name: str) -> Json | None:
        """The Dataset, or None."""
        return self._objects[DATASETS].get(Key(namespace, name))

    def datasets(self, namespace: str) -> tuple[Json, ...]:
        """All Datasets of a namespace."""
        shelf = self._objects[DATASETS]
        return tuple(shelf[key] for key in shelf if key.namespace == namespace)

    def children(self, namespace: str, uid: str) -> Children:
        """The Jobs and Pods of the FineTuneJob or Dataset with this uid: in its namespace, for labels anybody may write."""
        departed = (pod for pod in self._departed.of(uid) if pod["metadata"].get("namespace") == namespace)
        return Children(self._of(JOBS, namespace, uid), self._of(PODS, namespace, uid), tuple(departed))

    def batch_jobs(self, namespace: str, uid: str) -> tuple[Json, ...]:
        """Of ``children`` the Jobs alone."""
        return self._of(JOBS, namespace, uid)

    def pod(self, key: Key) -> Json | None:
        """One of our Pods, or None."""
        return self._objects[PODS].get(key)

    def object_keys(self, resource: Resource) -> dict[Key, ObjectKey]:
        """What is held of a kind, and how new."""
        return dict(self._heads[resource])

    def head(self, resource: Resource, key: Key) -> ObjectKey | None:
        """Which object is held at a key, and how new; None for none."""
        return self._heads[resource].get(key)

    def _forget_catalog(self, resource: Resource) -> None:
        if resource in CATALOG:
            self._catalog = None

    def _of(self, resource: Resource, namespace: str, uid: str) -> tuple[Json, ...]:
        own = (key for key in self._owned[resource].get(uid, ()) if key.namespace == namespace)
        found = [self._objects[resource][key] for key in own]
        return tuple(sorted(found, key=lambda body: (body["metadata"].get("creationTimestamp", ""), key_of(body))))

    def _see_off(self, resource: Resource, gone: Json) -> None:
        """Keep the last state of a pod: its Job may be settled, or be gone, before anybody has asked how it ended."""
        if resource == PODS:
            self._departed.keep(_owner_uid(gone), gone)
        if resource in {FINETUNEJOBS, DATASETS}:
            self._departed.forget(gone["metadata"].get("uid", ""))

    def _disown(self, resource: Resource, key: Key, held: Json) -> None:
        uid = _owner_uid(held)
        siblings = self._owned[resource][uid]
        siblings.discard(key)
        if not siblings:
            del self._owned[resource][uid]

    def _bury(self, resource: Resource, key: Key, version: str) -> None:
        self._deleted[resource, key] = version
        self._deleted.move_to_end((resource, key))
        if len(self._deleted) > REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)


def key_of(body: Json) -> Key:
    """The key of an object."""
    metadata = body["metadata"]
    return Key(metadata.get("namespace") or "", metadata["name"])


def _version(body: Json) -> str:
    return str(body["metadata"].get("resourceVersion", ""))


def _owner_uid(body: Json) -> str:
    labels = body["metadata"].get("labels") or {}
    return str(labels.get(UID_LABEL) or labels.get(DATASET_UID_LABEL) or "")


def _newer(version: str, than: str) -> bool:
    """Versions compare as integers (Kubernetes promises it since 1.35); where they do not, whatever differs is newer."""
    try:
        return int(version) > int(than)
    except ValueError:
        return version != than

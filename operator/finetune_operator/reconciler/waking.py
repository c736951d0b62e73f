"""Who must be looked at when something changes that is not theirs: those that wait for the catalog or a Dataset."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import DATASETS, FINETUNEJOBS, Key
from finetune_operator.reconciler.backlog import Priority
from finetune_operator.reconciler.queue import WorkQueue
from finetune_operator.reconciler.store import Store, key_of
from finetune_operator.reconciler.task import dataset_task, task_of


class Waker:
    """Enqueues those who wait. Jobs that are admitted keep what was resolved for them, and are never woken for the catalog."""

    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue

    def unadmitted(self) -> None:
        """The catalog changed: whoever is not admitted yet may be now, and so may Datasets that name a model."""
        for job in self._unadmitted():
            self._queue.add(task_of(FINETUNEJOBS, key_of(job)), priority=Priority.RESYNC)
        for dataset in self._store.entries(DATASETS):
            if dataset["spec"].get("model") and not _judged(dataset):
                self._queue.add(dataset_task(key_of(dataset)), priority=Priority.RESYNC)

    def users_of_dataset(self, dataset: Key) -> None:
        """A Dataset changed: the jobs of its namespace that name it and are not admitted yet."""
        for job in self._unadmitted():
            if job["metadata"]["namespace"] == dataset.namespace and dataset.name in _datasets_of(job):
                self._queue.add(task_of(FINETUNEJOBS, key_of(job)))

    def _unadmitted(self) -> Iterator[Json]:
        for job in self._store.jobs():
            status = job.get("status") or {}
            if status.get("phase") not in TERMINAL_PHASES and not status.get("resolved"):
                yield job


def _judged(dataset: Json) -> bool:
    conditions = (dataset.get("status") or {}).get("conditions", ())
    return any(each["type"] in {"Ready", "Stalled"} and each["status"] == "True" for each in conditions)


def _datasets_of(job: Json) -> set[str]:
    datasets = job["spec"].get("datasets") or ()
    return {each["datasetRef"]["name"] for each in datasets if "datasetRef" in each}

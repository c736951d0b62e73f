"""What a worker is given: one object to look at, or the whole catalog."""

from __future__ import annotations

from typing import Final, NamedTuple

from typing_extensions import override

from finetune_operator.cluster.resources import DATASETS, FINETUNEJOBS, Key, Resource


class Task(NamedTuple):
    """One piece of work. ``kind`` says whose: of a FineTuneJob, of a Dataset, or of the catalog."""

    namespace: str
    name: str
    kind: str = FINETUNEJOBS.kind

    @property
    def key(self) -> Key:
        """The address of the object among those of its kind."""
        return Key(self.namespace, self.name)

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


CATALOG: Final = Task("", "catalog", "Catalog")
"""All InstanceTypes and BaseModels at once: whether one is sound may depend on the others."""


def task_of(resource: Resource, key: Key) -> Task:
    """The work of one FineTuneJob or Dataset."""
    return Task(key.namespace, key.name, resource.kind)


def dataset_task(key: Key) -> Task:
    """The work of one Dataset."""
    return task_of(DATASETS, key)

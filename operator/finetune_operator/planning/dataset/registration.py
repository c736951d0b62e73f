"""A Dataset as the reconciler holds it, and as a job that names it sees it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from finetune_operator.api.dataset import DatasetSpec, DatasetStatus
from finetune_operator.api.model import Json
from finetune_operator.api.names import API_VERSION
from finetune_operator.planning.job import parse_time
from finetune_operator.planning.resolving.dataset_choice import Registered
from finetune_operator.planning.unreadable import first_fault

READY: Final = "Ready"
STALLED: Final = "Stalled"


@dataclass(frozen=True)
class Registration:
    """One Dataset."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    spec: DatasetSpec
    status: DatasetStatus

    @property
    def judged(self) -> bool:
        """Whether the last word on this generation is said: it is valid, or it is not."""
        current = self.status.observed_generation == self.generation
        return current and (self.holds(READY) or self.holds(STALLED))

    def holds(self, condition: str) -> bool:
        """Whether a condition is true."""
        return any(each.type == condition and each.status == "True" for each in self.status.conditions)

    def owner_reference(self) -> Json:
        """What makes the garbage collector remove the inspection with its Dataset."""
        return {
            "apiVersion": API_VERSION,
            "kind": "Dataset",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def parse_dataset(body: Json) -> Registration:
    """A Dataset from the API server's JSON. Raises pydantic.ValidationError for one that the schema let through."""
    metadata = body["metadata"]
    return Registration(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        created=parse_time(metadata["creationTimestamp"]),
        spec=DatasetSpec.model_validate(body["spec"]),
        status=DatasetStatus.model_validate(body.get("status") or {}),
    )


def registered(bodies: Iterable[Json]) -> dict[str, Registered]:
    """The Datasets of one namespace as its jobs see them, by name. One that is being deleted is gone for new jobs."""
    return {body["metadata"]["name"]: _seen(body) for body in bodies if "deletionTimestamp" not in body["metadata"]}


def _seen(body: Json) -> Registered:
    try:
        found = parse_dataset(body)
    except ValidationError as error:
        fault = first_fault(error)
        return Registered(DatasetSpec.model_construct(uri=""), valid=False, message=f"{fault.field}: {fault.words}")
    status = found.status
    valid = True if found.judged and found.holds(READY) else False if found.judged else None
    return Registered(found.spec, valid, status.message or "its inspection has not begun", status.revision)

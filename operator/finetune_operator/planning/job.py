"""A FineTuneJob as the reconciler holds it: identity, spec and the status as last written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.model import Json
from finetune_operator.api.names import API_VERSION
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.resolving.limits import budget_hours


@dataclass(frozen=True)
class Job:
    """One FineTuneJob."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    created: datetime
    spec: FineTuneJobSpec
    status: FineTuneJobStatus

    @property
    def hours(self) -> float:
        """The budget in hours; a job that names none has the longest that its model and its hardware allow."""
        return budget_hours(self.spec, self.status.resolved)

    @property
    def run(self) -> int:
        """The run that the status is about: the restartGeneration at its begin."""
        return self.status.restart_generation or 0

    @property
    def resume_from(self) -> int:
        """The first attempt at training whose checkpoints the present run may go on from."""
        return (self.status.resolved.resume_from if self.status.resolved else None) or 1

    def with_plan(self, resolved: Resolved) -> Job:
        """The same once this was decided for it."""
        return replace(self, status=self.status.model_copy(update={"resolved": resolved}))

    def owner_reference(self) -> Json:
        """What makes the garbage collector remove a child with its job."""
        return {
            "apiVersion": API_VERSION,
            "kind": "FineTuneJob",
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def parse_job(body: Json) -> Job:
    """A FineTuneJob from the API server's JSON. Raises pydantic.ValidationError for one that the schema let through."""
    metadata = body["metadata"]
    return Job(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        created=parse_time(metadata["creationTimestamp"]),
        spec=FineTuneJobSpec.model_validate(body["spec"]),
        status=FineTuneJobStatus.model_validate(body.get("status") or {}),
    )


def parse_time(text: str) -> datetime:
    """A metav1.Time as an aware datetime."""
    return datetime.fromisoformat(text)

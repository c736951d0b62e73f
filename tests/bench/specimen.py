"""What the operator wrote for one resource, to be written again by a client that decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, STAGE_LABEL, UID_LABEL
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import EVENTS, FINETUNEJOBS, JOBS, Key

OF_THE_SERVER: Final = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "finalizers", "deletionTimestamp"}
)


@dataclass(frozen=True)
class Specimen:
    """Of one resource: its Jobs by stage, its status, and the Events about it, as they were before the server added to them."""

    jobs: Mapping[str, Json]
    status: Json
    events: tuple[Json, ...]

    def job(self, stage: str, name: str, owner: Json | None = None) -> Json:
        """The Job of a stage for another resource: its own where one is given, else nobody's."""
        body = self.jobs[stage]
        metadata = {**body["metadata"], "name": f"{name}-{stage}-1"}
        metadata.pop("namespace")
        if owner is None:
            return {**body, "metadata": {key: value for key, value in metadata.items() if key != "ownerReferences"}}
        uid = owner["metadata"]["uid"]
        (reference,) = metadata["ownerReferences"]
        labels = metadata["labels"] | {JOB_LABEL: name, UID_LABEL: uid}
        return {
            **body,
            "metadata": {**metadata, "labels": labels, "ownerReferences": [{**reference, "name": name, "uid": uid}]},
        }

    def event(self, number: int, owner: Json) -> Json:
        """The n-th Event for another resource."""
        body, name = self.events[number], owner["metadata"]["name"]
        namespace = owner["metadata"]["namespace"]
        involved = {**body["involvedObject"], "name": name, "namespace": namespace, "uid": owner["metadata"]["uid"]}
        return {**body, "metadata": {"name": f"{name}.{number}", "namespace": namespace}, "involvedObject": involved}


async def specimen(client: Cluster, job: Key) -> Specimen:
    """Read what there is of a resource. Raises NotFound when there is none of this name."""
    owner = await client.get(FINETUNEJOBS, *job)
    uid = owner["metadata"]["uid"]
    jobs = await client.list(JOBS, job.namespace, labels=f"{UID_LABEL}={uid}")
    events = await client.list(EVENTS, job.namespace, fields=f"involvedObject.uid={uid}")
    return Specimen(
        {each["metadata"]["labels"][STAGE_LABEL]: _as_sent(each) for each in jobs},
        owner["status"],
        tuple({**event, "metadata": {}} for event in events),
    )


def _as_sent(job: Json) -> Json:
    spec, template = dict(job["spec"]), job["spec"]["template"]
    spec.pop("selector", None)
    metadata = template["metadata"]
    metadata = {**metadata, "labels": _chosen(metadata["labels"]), "annotations": metadata.get("annotations", {})}
    metadata.pop("creationTimestamp", None)
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {key: value for key, value in job["metadata"].items() if key not in OF_THE_SERVER}
        | {"labels": _chosen(job["metadata"]["labels"])},
        "spec": {**spec, "template": {**template, "metadata": metadata}},
    }


def _chosen(labels: Json) -> Json:
    """Without those that the Job controller adds."""
    return {key: value for key, value in labels.items() if "controller-uid" not in key and "job-name" not in key}

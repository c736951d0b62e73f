"""The PersistentVolumeClaim that a job gets when it names none: checkpoints, and in the end the model."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import names
from finetune_operator.api.finetunejob import Output
from finetune_operator.api.model import Json
from finetune_operator.planning.job import Job

DEFAULT_SIZE: Final = "10Gi"
DEFAULT_MODES: Final = ("ReadWriteOnce",)


def output_claim(job: Job) -> Json:
    """The claim. Without an owner when it is retained: no delete and no prune may take the only copy of a model."""
    output = job.spec.output or Output()
    metadata: Json = {
        "name": names.output_claim_name(job.name, job.uid),
        "namespace": job.namespace,
        "labels": {
            names.MANAGED_BY_LABEL: names.MANAGER,
            names.JOB_LABEL: job.name,
            names.UID_LABEL: job.uid,
        },
    }
    if not output.retain:
        metadata["ownerReferences"] = [job.owner_reference()]
    spec: Json = {
        "accessModes": list(output.access_modes or DEFAULT_MODES),
        "resources": {"requests": {"storage": output.storage_size or DEFAULT_SIZE}},
    }
    if output.storage_class_name is not None:
        spec["storageClassName"] = output.storage_class_name
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}

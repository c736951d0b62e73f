"""The PersistentVolumeClaim that a job gets when it names none: checkpoints, and in the end the model."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import names
from finetune_operator.api.finetunejob import Output
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.job import Job
from finetune_operator.planning.sizing.storage import storage_of

STORAGE_ANNOTATION: Final = f"{names.GROUP}/storage-size"
"""On the claim: how its size comes about, where the job did not give one."""
DEFAULT_MODES: Final = ("ReadWriteOnce",)


def output_claim(job: Job, resolved: Resolved) -> Json:
    """The claim, as large as what it will hold. Without an owner when it is retained: no delete and no prune may take the only copy of a model."""
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
    storage = storage_of(job.spec, resolved)
    if output.storage_size is None and storage.words:
        metadata["annotations"] = {STORAGE_ANNOTATION: storage.words}
    spec: Json = {
        "accessModes": list(output.access_modes or DEFAULT_MODES),
        "resources": {"requests": {"storage": output.storage_size or storage.quantity}},
    }
    if output.storage_class_name is not None:
        spec["storageClassName"] = output.storage_class_name
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}

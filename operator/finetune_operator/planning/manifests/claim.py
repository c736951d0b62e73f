"""The PersistentVolumeClaims that a job gets when it names none: for checkpoints and the model, and for its cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from finetune_operator.api import names
from finetune_operator.api.finetunejob import Cache, Output
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.planning.job import Job
from finetune_operator.planning.sizing.fetching import LEAST, cache_gibibytes, fetched
from finetune_operator.planning.sizing.storage import storage_of

STORAGE_ANNOTATION: Final = f"{names.GROUP}/storage-size"
"""On the claim: how its size comes about, where the job did not give one."""
DEFAULT_MODES: Final = ("ReadWriteOnce",)
SHARED_MODES: Final = ("ReadWriteMany",)
"""Several nodes read one cache."""


def output_claim(job: Job, resolved: Resolved) -> Json:
    """The claim, as large as what it will hold. Without an owner when it is retained: no delete and no prune may take the only copy of a model."""
    output = job.spec.output or Output()
    metadata = _metadata(job, names.output_claim_name(job.name, job.uid))
    if not output.retain:
        metadata["ownerReferences"] = [job.owner_reference()]
    storage = storage_of(job.spec, resolved)
    if output.storage_size is None and storage.words:
        metadata["annotations"] = {STORAGE_ANNOTATION: storage.words}
    modes, size = output.access_modes or DEFAULT_MODES, output.storage_size or storage.quantity
    return _claim(metadata, modes, size, output.storage_class_name)


def cache_claim(job: Job, resolved: Resolved) -> Json:
    """The claim of a cache that the job named none for. It goes with the job: all of it can be fetched again."""
    cache = job.spec.cache or Cache()
    metadata = _metadata(job, names.cache_claim_name(job.name, job.uid)) | {"ownerReferences": [job.owner_reference()]}
    if cache.size is None and (words := fetched(job.spec, resolved).words):
        metadata["annotations"] = {STORAGE_ANNOTATION: f"{words}, a tenth, and {LEAST} GiB for what is small"}
    size = cache.size or f"{cache_gibibytes(job.spec, resolved)}Gi"
    return _claim(metadata, SHARED_MODES if resolved.nodes > 1 else DEFAULT_MODES, size, cache.storage_class_name)


def _metadata(job: Job, name: str) -> Json:
    labels = {names.MANAGED_BY_LABEL: names.MANAGER, names.JOB_LABEL: job.name, names.UID_LABEL: job.uid}
    return {"name": name, "namespace": job.namespace, "labels": labels}


def _claim(metadata: Json, modes: Sequence[str], size: str, storage_class: str | None) -> Json:
    spec: Json = {"accessModes": list(modes), "resources": {"requests": {"storage": size}}}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}

"""``spec.output`` and ``spec.cache``: where checkpoints, models and data are kept."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import forms
from finetune_operator.api.model import ApiModel, Name, Quantity, Rule
from finetune_operator.api.references import SecretRef

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]


class Output(ApiModel):
    """Where checkpoints and the finished model are kept."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.uri) || !self.uri.startsWith('pvc://') || "
            "!(has(self.storageSize) || has(self.storageClassName) || has(self.accessModes))",
            "storageSize, storageClassName and accessModes are for a claim of the job's own; uri names one that exists",
            "'storageSize, storageClassName and accessModes are for a claim of the job\\'s own; uri names one that exists: "
            "%s'.format([self.uri])",
        ),
        Rule(
            f"!has(self.uri) || self.uri.matches('{uris.OUTPUT_PATTERN}')",
            f"output.uri must be {uris.OUTPUT_WORDS}",
            f"'output.uri must be {uris.OUTPUT_WORDS}; given: %s'.format([self.uri])",
            ".uri",
        ),
        Rule(
            "!has(self.secretRef) || (has(self.uri) && !self.uri.startsWith('pvc://'))",
            "secretRef opens a uri on hf://, s3:// or gs://",
            "'secretRef opens a uri on hf://, s3:// or gs://; given: %s'.format([has(self.uri) ? self.uri : 'no uri'])",
            ".secretRef",
        ),
        forms.MODEL_NAME,
        forms.SUFFIX,
    )

    uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Where the model is published: pvc://CLAIM/PATH (a claim that exists), hf://ORGANISATION/NAME, s3://BUCKET/PATH or
    gs://BUCKET/PATH. Absent, and with the last three, the job gets a PersistentVolumeClaim of its own for its checkpoints."""
    model_name: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The name of the published model; the base model's and the job's when absent."""
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Added to the model's name."""
    storage_size: Quantity | None = None
    """Size of the job's own claim; what its checkpoints, its model and, without a cache, what it fetches need when absent, at
    least 10Gi."""
    storage_class_name: Annotated[str, Field(max_length=253)] | None = None
    """StorageClass of the job's own claim; the cluster's default when absent."""
    access_modes: Annotated[tuple[AccessMode, ...], Field(min_length=1, max_length=3)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """Of the job's own claim; ReadWriteOnce when absent. Several nodes need ReadWriteMany."""
    retain: bool = True
    """Keep the job's own claim when the job is deleted. False deletes the model with the job."""
    secret_ref: SecretRef | None = None
    """Opens the place where the model is published."""
    merge: Literal["adapter", "merged"] | None = None
    """What is published after LoRA: the adapter, which needs its base model, or the merged weights, which stand alone.
    adapter when absent."""
    select: Literal["last", "best"] | None = None
    """Which weights are published: the last ones, or those with the best evaluation. last when absent."""


class Cache(ApiModel):
    """Where fetched models and data are kept between stages and jobs."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.claimName) || !(has(self.size) || has(self.storageClassName))",
            "size and storageClassName are for a claim of the job's own; claimName names one that exists",
            "'size and storageClassName are for a claim of the job\\'s own; claimName names one that exists: "
            "%s'.format([self.claimName])",
        ),
    )

    claim_name: Name | None = None
    """A claim that exists, which several jobs may share. Absent: one of the job's own, deleted with it."""
    size: Quantity | None = None
    """Size of the job's own claim; what model and data are reckoned to need when absent."""
    storage_class_name: Annotated[str, Field(max_length=253)] | None = None
    """StorageClass of the job's own claim; the cluster's default when absent."""

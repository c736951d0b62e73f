"""``spec.datasets``: what is trained on."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import forms
from finetune_operator.api.finetunejob.model import Revision
from finetune_operator.api.finetunejob.words import DataFormat
from finetune_operator.api.model import ApiModel, Name, Rule
from finetune_operator.api.references import SecretRef

NO_LOCAL_FILE: Final = Rule(
    "!has(self.uri) || !self.uri.startsWith('file:')",
    "a pod does not see the files of your machine: copy them to a claim (pvc://) or, when small, a ConfigMap (configmap://)",
    "'a pod does not see the files of your machine: copy %s to a claim (pvc://) or, when small, into a ConfigMap "
    "(configmap://)'.format([self.uri])",
    ".uri",
)
"""The trainer reads file:// in runs without a cluster."""

FilePath = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^/\s][^\s]*$")]
MOST_FILES: Final = 32
"""Sixteen datasets of so many files, each of the longest name, fit into the annotations of a pod."""


class DatasetRef(ApiModel):
    """A registered dataset of the job's namespace."""

    name: Name
    """The name of a Dataset: kubectl get datasets."""


class Dataset(ApiModel):
    """One dataset of a job."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.datasetRef) != has(self.uri)",
            "a dataset needs either datasetRef or uri, and not both",
            "'dataset %s needs either datasetRef or uri, and not both; given: %s'.format([self.name, "
            "has(self.uri) ? 'both' : 'neither'])",
        ),
        NO_LOCAL_FILE,
        Rule(
            f"!has(self.uri) || self.uri.matches('{uris.DATASET_PATTERN}')",
            f"uri must be {uris.DATASET_WORDS}",
            f"'uri must be {uris.DATASET_WORDS}; given: %s'.format([self.uri])",
            ".uri",
        ),
        Rule(
            "has(self.uri) || !(has(self.revision) || has(self.secretRef))",
            "revision and secretRef belong to uri: a Dataset has its own",
        ),
        *forms.EPISODES,
    )

    name: Name
    """The dataset's name within the job."""
    split: Literal["train", "validation"] = "train"
    """What it is used for."""
    dataset_ref: DatasetRef | None = None
    """A registered Dataset, instead of uri. The job waits until it is valid."""
    uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Where it lies: pvc://CLAIM/PATH (a file or a folder; pvc://CLAIM for all of it), configmap://NAME/KEY, hf://ORGANISATION/NAME, s3://BUCKET/PATH,
    gs://BUCKET/PATH, https://HOST/PATH, or file:///PATH for local runs."""
    files: Annotated[tuple[FilePath, ...], Field(min_length=1, max_length=MOST_FILES)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """Paths under the uri; absent: everything there that is readable."""
    revision: Revision | None = None
    """Commit, tag or branch on the Hub; what it stands for when the job starts is recorded and kept."""
    format: DataFormat = "auto"
    """How rows are written: chat (messages), instruction (prompt, completion), preference (prompt, chosen, rejected), text,
    tokenized (token_ids, labels), documents (one text a file), newton (instruction, inputs, outputs), lerobot (robot
    episodes); auto tells by looking."""
    weight: Annotated[float, Field(gt=0, le=1000)] | None = None
    """How often its rows are seen in relation to other datasets of the split; 1 when absent."""
    episodes: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Robots: which episodes, as numbers and ranges in one text: "0-49,60"."""
    secret_ref: SecretRef | None = None
    """Opens a gated dataset or a private place."""

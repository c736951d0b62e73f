"""``Dataset``: registered data, so that jobs and hosted APIs can name it. Looked at on CPU once, not by every job."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.condition import Condition
from finetune_operator.api.finetunejob.datasets import MOST_FILES, NO_LOCAL_FILE, FilePath
from finetune_operator.api.finetunejob.model import Revision
from finetune_operator.api.finetunejob.words import DataFormat
from finetune_operator.api.model import ApiModel, Count, Measure, Name, Rule, Text
from finetune_operator.api.references import SecretRef


class DatasetSpec(ApiModel):
    """Where data lies and how it is written."""

    rules: ClassVar[tuple[Rule, ...]] = (
        NO_LOCAL_FILE,
        Rule(
            f"self.uri.matches('{uris.DATASET_PATTERN}')",
            f"uri must be {uris.DATASET_WORDS}",
            f"'uri must be {uris.DATASET_WORDS}; given: %s'.format([self.uri])",
            ".uri",
        ),
        Rule(
            "self == oldSelf",
            "a Dataset does not change: jobs rely on it; register another one",
        ),
    )

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """Where it lies, as in a job: pvc://CLAIM/PATH, configmap://NAME/KEY, hf://, s3://, gs:// or https://."""
    files: Annotated[tuple[FilePath, ...], Field(min_length=1, max_length=MOST_FILES)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """Paths under the uri; absent: everything there that is readable."""
    revision: Revision | None = None
    """Commit, tag or branch on the Hub."""
    format: DataFormat = "auto"
    """How rows are written; auto tells by looking."""
    secret_ref: SecretRef | None = None
    """Opens a gated dataset or a private place."""
    model: Name | None = None
    """A BaseModel whose tokenizer counts the tokens; without it rows are counted and checked, tokens are not."""


class DatasetStatus(ApiModel):
    """What the inspection found."""

    observed_generation: int | None = None
    """The generation of the spec that this status is about; -1 before the operator has seen the dataset."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """Ready once it was found valid; Stalled when it is not."""
    reason: Annotated[str | None, Field(max_length=64)] = None
    """Where the inspection is, or why the data is refused, in one word."""
    message: Annotated[str | None, Field(max_length=2048)] = None
    """The same in a sentence, with file, line and what is allowed."""
    rows: Count | None = None
    """Rows, or episodes of robots."""
    frames: Count | None = None
    """Robots: frames of all episodes."""
    fps: Measure | None = None
    """Robots: frames per second."""
    tokens: Count | None = None
    """Tokens, as the model's tokenizer counts them."""
    longest_row_tokens: Count | None = None
    """Tokens of the longest row."""
    format: Annotated[str | None, Field(max_length=32)] = None
    """How rows are written, as found."""
    revision: Annotated[str | None, Field(max_length=256)] = None
    """The commit that was looked at."""
    digest: Annotated[str | None, Field(max_length=80)] = None
    """SHA-256 over the files' digests and names."""
    image_keys: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(max_length=32)] = ()
    """Robots: the image keys that cameraMappings may name."""
    warnings: Annotated[tuple[Text, ...], Field(max_length=8)] = ()
    """What is suspicious but not refused."""
    faults: Annotated[tuple[Text, ...], Field(max_length=8)] = ()
    """The first faults, each with file and line."""
    job: Annotated[str | None, Field(max_length=63)] = None
    """The Job that looked at it."""
    inspected_time: Annotated[str | None, Field(max_length=32)] = None
    """When it was looked at."""

"""``spec.model``: what is tuned."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.finetunejob.words import ModelType
from finetune_operator.api.model import ApiModel, Name, Rule
from finetune_operator.api.references import SecretRef

Revision = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\s]+$")]


class CheckpointSource(ApiModel):
    """Weights of an earlier run, to go on from: weights only, the optimizer and the schedule start afresh."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.job) != has(self.uri)",
            "fromCheckpoint needs either job or uri, and not both",
            "'fromCheckpoint needs either job or uri, and not both; given: %s'.format([has(self.uri) ? 'both' : 'neither'])",
        ),
        Rule("!has(self.step) || has(self.job)", "step is a step of job: give job too", None, ".step"),
        Rule("!has(self.revision) || has(self.uri)", "revision is a revision of uri: give uri too", None, ".revision"),
        Rule(
            f"!has(self.uri) || self.uri.matches('{uris.STORED_PATTERN}')",
            f"uri must be {uris.STORED_WORDS}",
            f"'uri must be {uris.STORED_WORDS}; given: %s'.format([self.uri])",
            ".uri",
        ),
    )

    job: Name | None = None
    """A FineTuneJob of this namespace whose checkpoint or result is taken."""
    step: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """The checkpoint's step; absent: the job's result, or its newest checkpoint."""
    uri: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """A folder with weights or an adapter: pvc://, hf://, s3://, gs:// or https://."""
    revision: Revision | None = None
    """Commit, tag or branch of a uri on the Hub."""


class Model(ApiModel):
    """The model to tune."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"!has(self.name) || self.name.matches('{uris.MODEL_PATTERN}')",
            f"model.name must be {uris.MODEL_WORDS}",
            f"'model.name must be {uris.MODEL_WORDS}; given: %s'.format([self.name])",
            ".name",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Which model: the name or an alias of a BaseModel (kubectl get basemodels), a repository of the Hugging Face Hub
    (ORGANISATION/NAME), or where it lies: pvc://CLAIM/PATH, hf://, s3://, gs:// or https://. The types act, gr00t_n1_5,
    gr00t_n1_6 and sarm imply theirs."""
    type: ModelType | None = None
    """The architecture: causal_lm for language models (the default with their job types), a policy for robots."""
    revision: Revision | None = None
    """Commit, tag or branch on the Hub; what it stands for when the job starts is recorded and kept."""
    secret_ref: SecretRef | None = None
    """Opens a gated model or a private place."""
    trust_remote_code: bool = False
    """Run code that the model's repository brings. Only for repositories that you trust as you trust your own image."""
    chat_template: Annotated[str, Field(min_length=1, max_length=16_384)] | None = None
    """A Jinja chat template instead of the model's own."""
    from_checkpoint: CheckpointSource | None = None
    """Go on from the weights of an earlier run. An adapter is continued, not merged."""

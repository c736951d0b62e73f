"""``BaseModel``: a model that can be tuned, with what is known of it before a byte is fetched."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.finetunejob.hyperparameters import Hyperparameters
from finetune_operator.api.finetunejob.model import Revision
from finetune_operator.api.finetunejob.words import JobType, ModelType
from finetune_operator.api.model import ApiModel, Quantity, Rule, Text

Family = Literal["trl", "lerobot", "groot-n15", "groot-n16"]
Size = Annotated[int, Field(ge=1, le=10_000_000_000_000)]
Short = Annotated[str, Field(min_length=1, max_length=128)]


class ModelSource(ApiModel):
    """Where a base model lies."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.uri.matches('{uris.STORED_PATTERN}')",
            f"uri must be {uris.STORED_WORDS}",
            f"'uri must be {uris.STORED_WORDS}; given: %s'.format([self.uri])",
            ".uri",
        ),
    )

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """hf://ORGANISATION/NAME, pvc://CLAIM/PATH (a claim in the job's namespace), s3://, gs:// or https://."""
    revision: Revision | None = None
    """Commit, tag or branch on the Hub."""
    gated: bool = False
    """Whether the Hub asks for a token of somebody who accepted its terms: the job's model.secretRef."""


class CameraSlot(ApiModel):
    """One camera of a robot policy."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9_][-._A-Za-z0-9]*$")]
    """The slot, as cameraMappings names it: cam_1."""
    key: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The policy's own image key; absent where the policy takes the dataset's."""
    description: Annotated[str, Field(max_length=255)] | None = None
    """What the camera looks at."""
    required: bool = False
    """Whether a job must map it; others may be left out and are masked."""


class Architecture(ApiModel):
    """Of a language model: what its memory and its computation are reckoned from, as in its config.json."""

    layers: Annotated[int, Field(ge=1, le=10_000)]
    """Transformer blocks: num_hidden_layers."""
    hidden_size: Annotated[int, Field(ge=1, le=1_000_000)]
    """Width of the model: hidden_size."""
    intermediate_size: Annotated[int, Field(ge=1, le=10_000_000)]
    """Width of a block's inner layer, of all active experts together."""
    attention_heads: Annotated[int, Field(ge=1, le=10_000)]
    """num_attention_heads."""
    key_value_heads: Annotated[int, Field(ge=1, le=10_000)]
    """num_key_value_heads."""
    vocabulary_size: Annotated[int, Field(ge=1, le=10_000_000)]
    """Tokens of the vocabulary: vocab_size."""
    head_size: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """head_dim; hiddenSize over attentionHeads when absent."""


class MeasuredMemory(ApiModel):
    """Of a robot policy: GPU memory as measured, in place of arithmetic."""

    fixed: Quantity
    """Weights, gradients and optimizer of the default training."""
    per_row: Quantity
    """More for each row of the batch on one GPU."""
    source: Annotated[str, Field(max_length=255)] | None = None
    """Where the figures are from."""


class ModelLimits(ApiModel):
    """What one job may ask of the model."""

    hours: Annotated[float, Field(gt=0, le=168)] | None = None
    """The longest budget."""
    batch_size: Annotated[int, Field(ge=1, le=512)] | None = None
    """The largest global batch."""
    context_length: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """The longest row, in tokens."""
    lora_rank: Annotated[int, Field(ge=1, le=512)] | None = None
    """The highest rank."""


class BaseModelSpec(ApiModel):
    """A model that can be tuned."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.type == 'causal_lm' || !has(self.architecture)",
            "architecture is for language models: type causal_lm",
            "'architecture is for language models, type causal_lm; given: type %s'.format([self.type])",
            ".architecture",
        ),
        Rule(
            "self.type != 'causal_lm' || !has(self.cameraSlots)",
            "cameraSlots are for robot policies",
            "'cameraSlots are for robot policies; given: type %s'.format([self.type])",
            ".cameraSlots",
        ),
        Rule(
            "has(self.source) || self.type in ['act','sarm']",
            "source is missing: only act and sarm are trained from scratch",
            "'source is missing: only act and sarm are trained from scratch; given: type %s'.format([self.type])",
            ".source",
        ),
        Rule(
            "(self.type == 'causal_lm') == (self.family == 'trl')",
            "language models are trained by family trl, robot policies by lerobot, groot-n15 or groot-n16",
            "'language models are trained by family trl, robot policies by lerobot, groot-n15 or groot-n16; given: %s and "
            "%s'.format([self.type, self.family])",
            ".family",
        ),
    )

    display_name: Annotated[str, Field(max_length=255)] | None = None
    """A name for people."""
    description: Text | None = None
    """One sentence for people who choose."""
    aliases: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=255)], ...], Field(max_length=16)] | None = (
        Field(default=None, json_schema_extra={"x-kubernetes-list-type": "set"})
    )
    """Other names of it, as hosted APIs and the Hub spell them: meta-llama/Llama-3.1-8B."""
    type: ModelType
    """The architecture."""
    family: Family
    """Which trainer image runs it."""
    source: ModelSource | None = None
    """Where it lies; absent for what is trained from scratch."""
    provider: Short | None = None
    """Who made it."""
    license: Short | None = None
    """Under which terms, as SPDX or the Hub names them."""
    parameters: Size | None = None
    """Weights, all of them."""
    active_parameters: Size | None = None
    """Weights that a token passes through, of a mixture of experts."""
    job_types: Annotated[tuple[JobType, ...], Field(min_length=1, max_length=6)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """What may be done with it; whatever its type allows when absent."""
    tasks: Annotated[tuple[Short, ...], Field(max_length=16)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """What it is good for, in the Hub's words: text-generation."""
    max_sequence_length: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    """The longest sequence in tokens."""
    architecture: Architecture | None = None
    """What memory and time are reckoned from; without it a language model is not checked for fit."""
    memory: MeasuredMemory | None = None
    """Measured GPU memory of a robot policy."""
    camera_slots: Annotated[tuple[CameraSlot, ...], Field(max_length=16)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    )
    """A robot policy's cameras, in order. Absent: it takes any."""
    hyperparameters: Hyperparameters | None = None
    """Defaults of this model, before the general rules."""
    limits: ModelLimits | None = None
    """What one job may ask of it."""

"""What was decided for a job: everything that the catalog, the data and the automatic rules said, recorded once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from finetune_operator.api.basemodel import Architecture, MeasuredMemory, ModelLimits
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import ApiModel, Count
from finetune_operator.api.references import SecretRef

MOST_STAGE_HOURS = 168
"""A week."""


class ResolvedLora(ApiModel):
    """The adapter, with every choice made."""

    enabled: bool
    """False: every weight is trained."""
    rank: int
    """Rank of the matrices."""
    alpha: int
    """Scale of the update."""
    dropout: float
    """Dropout on the adapter's input."""
    target_modules: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=64)] = ()
    """Modules with an adapter; empty: every linear layer."""


class ResolvedHyperparameters(ApiModel):
    """How the model is trained. What depends on the data is filled in once prepare has reported it."""

    epochs: float | None = None
    """Passes over the data, when steps are not given."""
    steps: int | None = None
    """Optimizer steps, when they are given."""
    batch_size: int | None = None
    """Rows per optimizer step."""
    learning_rate: float
    """Peak learning rate."""
    warmup_ratio: float | None = None
    """Part of the steps in which the learning rate rises, when warmupSteps are not given."""
    warmup_steps: int | None = None
    """Steps in which the learning rate rises, when they are given."""
    weight_decay: float = 0
    """How strongly weights are pulled to zero."""
    max_grad_norm: float = 1
    """Length to which longer gradients are shortened; 0 for none."""
    seed: int
    """Seed of data order and initialisation."""
    context_length: int | None = None
    """Tokens of a row; absent: the trainer takes what the model can, at most 4096."""
    packing: bool = False
    """Whether several short rows share a sequence."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Numbers that are computed with."""
    quantization: Literal["none", "nf4"] = "none"
    """Of the frozen weights."""
    train_on: Literal["assistant", "completion", "all"] | None = None
    """Tokens that count in the loss; absent: by the form of the data."""
    dpo_beta: float | None = None
    """How strongly the model is held to its reference; job type dpo."""
    image_augmentation: bool = False
    """Whether pictures are varied."""
    lora: ResolvedLora
    """The adapter."""
    extra: Annotated[
        dict[str, Any], Field(max_length=128, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
    ] = Field(default_factory=dict)
    """Further settings of the trainer, the base model's and the job's."""


class ResolvedModel(ApiModel):
    """The model, as the catalog or the job names it."""

    name: Annotated[str, Field(max_length=512)]
    """The BaseModel's name; what the job gave, for one that the catalog does not have."""
    listed: bool
    """Whether the catalog has it."""
    type: Annotated[str, Field(max_length=32)]
    """The architecture."""
    family: Annotated[str, Field(max_length=32)]
    """The family of trainer images."""
    uri: Annotated[str | None, Field(max_length=1024)] = None
    """Where it lies; absent for what is trained from scratch."""
    revision: Annotated[str | None, Field(max_length=256)] = None
    """The revision that was asked for."""
    parameters: Count | None = None
    """Weights of the model."""
    active_parameters: Count | None = None
    """Weights that a token passes through, of a mixture of experts."""
    max_sequence_length: Count | None = None
    """The longest sequence in tokens."""
    architecture: Architecture | None = None
    """What memory and time are reckoned from."""
    memory: MeasuredMemory | None = None
    """Measured GPU memory of a robot policy."""
    limits: ModelLimits | None = None
    """What one job may ask of it."""


class ResolvedDataset(ApiModel):
    """One dataset, with what the Dataset that the job names says of it."""

    name: Annotated[str, Field(max_length=63)]
    """The dataset's name within the job."""
    split: Literal["train", "validation"]
    """What it is used for."""
    uri: Annotated[str, Field(max_length=1024)]
    """Where it lies."""
    revision: Annotated[str | None, Field(max_length=256)] = None
    """The revision that was asked for, or that the Dataset's inspection looked at."""
    files: Annotated[tuple[Annotated[str, Field(max_length=512)], ...], Field(max_length=64)] = ()
    """Paths under the uri that a Dataset names; the job's own stay in its spec. Neither: everything."""
    format: Annotated[str, Field(max_length=32)] = "auto"
    """How rows are written."""
    secret_ref: SecretRef | None = None
    """Opens it."""


class Choice(ApiModel):
    """One value that the job left open, and the rule that chose it."""

    field: Annotated[str, Field(max_length=64)]
    """The field: hyperparameters.batchSize."""
    rule: Annotated[str, Field(max_length=256)]
    """How the value came about."""


class MappedCamera(ApiModel):
    """One camera slot, in the policy's order."""

    slot: Annotated[str, Field(max_length=253)]
    """The slot, as cameraMappings names it."""
    policy_key: Annotated[str | None, Field(max_length=253)] = None
    """The policy's own image key; absent where it takes the dataset's."""
    dataset_key: Annotated[str | None, Field(max_length=253)] = None
    """The dataset's image key; absent: a masked picture."""


class Fit(ApiModel):
    """Whether the training fits into the memory of a GPU."""

    bytes_per_gpu: Count
    """What one GPU must hold."""
    available_bytes: Count
    """What one GPU has."""
    message: Annotated[str, Field(max_length=1024)]
    """The arithmetic, in words."""


class Resolved(ApiModel):
    """Every decision of the operator, taken once: later edits of the catalog or the settings change no running job."""

    image: Annotated[str, Field(max_length=512)]
    """The trainer image."""
    instance_type_name: Annotated[str | None, Field(max_length=63)] = None
    """The hardware's name."""
    instance_type: InstanceTypeSpec
    """The hardware as it was offered when the job was accepted, price included."""
    region: Annotated[str | None, Field(max_length=63)] = None
    """Where it stands."""
    nodes: int = 1
    """Pods that train together."""
    model: ResolvedModel | None = None
    """The model."""
    checkpoint_uri: Annotated[str | None, Field(max_length=1024)] = None
    """Where the weights of an earlier run lie that it goes on from: the workspace of the job that was named, or its uri."""
    datasets: Annotated[tuple[ResolvedDataset, ...], Field(max_length=16)] = ()
    """What it is tuned on."""
    hyperparameters: ResolvedHyperparameters
    """How the model is trained."""
    cameras: Annotated[tuple[MappedCamera, ...], Field(max_length=16)] = ()
    """Robots: the camera slots in the policy's order."""
    choices: Annotated[tuple[Choice, ...], Field(max_length=32)] = ()
    """What the job left open and which rule chose it."""
    rules_version: int | None = None
    """Version of the rules that choose."""
    fit: Fit | None = None
    """Whether it fits into the GPUs' memory; absent when that cannot be known."""
    folded: bool = False
    """Whether model and data are checked by the training itself, with no stage of its own before it."""
    queues_cpu_stages: bool = False
    """Whether stages on CPU wait in the job's queue too."""
    stage_limit_hours: Annotated[float, Field(gt=0, le=MOST_STAGE_HOURS)] | None = None
    """How long a stage on CPU may run; absent: 12 hours."""
    resume_from: Annotated[int | None, Field(ge=1)] = None
    """The first attempt at training whose checkpoints this run may go on from; absent: all."""
    micro_batch_size: Count | None = None
    """Rows that one process holds at once, the rest of its share of the batch is accumulated; absent: the trainer decides."""
    complete: bool = True
    """False until prepare has reported what depends on the data."""

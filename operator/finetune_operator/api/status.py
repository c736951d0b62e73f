"""``FineTuneJob.status``: what the cluster answers. Written by the operator alone, once per reconcile."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from finetune_operator.api.basemodel import Architecture, MeasuredMemory, ModelLimits
from finetune_operator.api.condition import Condition
from finetune_operator.api.conditions import Phase
from finetune_operator.api.course import MOST_CHECKPOINTS, CheckpointRecord, Progress, Usage
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Amount, ApiModel, Count, Text
from finetune_operator.api.references import SecretRef

MOST_ATTEMPTS = 8
"""Attempts that the status keeps, of the ten that it may hold; older ones are dropped, their retries stay counted."""

Stage = Literal["prepare", "train", "publish"]

Outcome = Literal["Succeeded", "UserError", "Platform", "Error", "Requested"]
"""How an attempt ended."""


class Attempt(ApiModel):
    """One start of one stage: one batch/v1 Job."""

    stage: Stage
    """prepare checks on CPU, train trains, publish merges on CPU."""
    number: Annotated[int, Field(ge=1)]
    """Counts the starts of this stage, over all runs."""
    run: Annotated[int, Field(ge=0)] = 0
    """The restartGeneration of the run that it belongs to."""
    job: Annotated[str, Field(max_length=63)]
    """The Job's name."""
    start_time: datetime
    """When the Job was created."""
    running_time: datetime | None = None
    """When its first container ran."""
    end_time: datetime | None = None
    """When its outcome was seen; absent while it goes on."""
    ends_for: Annotated[str | None, Field(max_length=64)] = None
    """Why the operator ends it: Suspended, Cancelled, Restarted … It was told, or is about to be."""
    node: Annotated[str | None, Field(max_length=253)] = None
    """The node that its pod ran on."""
    outcome: Outcome | None = None
    """How it ended: Platform is retried always, Error up to backoffLimit, UserError never; Requested is what the job's
    owner or its limits asked for."""
    reason: Annotated[str | None, Field(max_length=64)] = None
    """Why it ended."""
    message: Text | None = None
    """How it ended, in a sentence; until then, why the operator ends it."""
    checkpoint_step: int | None = None
    """Step of the newest checkpoint that is known of it."""


class StageRecord(ApiModel):
    """One stage of the present run."""

    name: Stage
    """The stage."""
    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Stopped"]
    """Where it is; Pending between two attempts as well."""
    start_time: datetime | None = None
    """When its first attempt was created."""
    end_time: datetime | None = None
    """When it ended."""
    attempt: int | None = None
    """The number of its latest attempt."""
    message: Text | None = None
    """How it ended."""


class Report(ApiModel):
    """What the check of model and data found."""

    rows: Count
    """Rows of training data."""
    tokens: Count
    """Tokens of training data, as the model's tokenizer counts them."""
    longest_row_tokens: Count | None = None
    """Tokens of the longest row."""
    sequences: Count | None = None
    """What a batch is made of: packed sequences with packing, else rows."""
    validation_rows: Count | None = None
    """Rows of validation data."""
    parameters: Count | None = None
    """Weights of the model."""
    warnings: Annotated[tuple[Text, ...], Field(max_length=8)] = ()
    """What is suspicious but not refused."""


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
    resume_from: Annotated[int | None, Field(ge=1)] = None
    """The first attempt at training whose checkpoints this run may go on from; absent: all."""
    micro_batch_size: Count | None = None
    """Rows that one process holds at once, the rest of its share of the batch is accumulated; absent: the trainer decides."""
    complete: bool = True
    """False until prepare has reported what depends on the data."""


class Estimate(ApiModel):
    """Time and cost, reckoned before the training starts."""

    training_seconds: Amount | None = None
    """Training time to the end of epochs or steps, or the budget if that ends first."""
    cost: Amount | None = None
    """That time times the price of all nodes."""
    currency: Annotated[str | None, Field(max_length=3)] = None
    """Of the cost."""
    steps: Count | None = None
    """Optimizer steps."""
    message: Annotated[str, Field(max_length=1024)]
    """The arithmetic, in words."""


class Result(ApiModel):
    """The published model."""

    uri: Annotated[str, Field(max_length=1024)]
    """Where it lies: pvc://CLAIM/PATH."""
    kind: Literal["adapter", "model"]
    """An adapter needs its base model; a model stands alone."""
    files: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(max_length=32)] = ()
    """Its files, relative to the uri."""
    bytes: int | None = None
    """Size of all files."""
    digest: Annotated[str | None, Field(max_length=80)] = None
    """SHA-256 over the files' own digests and names."""


class Failure(ApiModel):
    """Why the job failed and what to do about it."""

    cause: Literal["User", "Platform"]
    """Who can mend it: User is the one who wrote the job, Platform the one who runs the cluster."""
    code: Annotated[str, Field(max_length=64)]
    """Why, in one word."""
    message: Text
    """Why, in a sentence."""
    param: Annotated[str | None, Field(max_length=253)] = None
    """The field that is to blame."""
    advice: Text | None = None
    """What to do."""
    exit_code: int | None = None
    """Of the container."""
    lines: Annotated[tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=8)] = ()
    """The last log lines."""


class Display(ApiModel):
    """Preformatted text for the columns of kubectl get."""

    model: Annotated[str | None, Field(max_length=128)] = None
    """The model."""
    instance: Annotated[str | None, Field(max_length=128)] = None
    """The hardware, with the number of nodes when there are several."""
    progress: Annotated[str | None, Field(max_length=32)] = None
    """Percentage done."""
    eta: Annotated[str | None, Field(max_length=32)] = None
    """Until the training ends."""
    loss: Annotated[str | None, Field(max_length=32)] = None
    """The latest training loss."""
    hours: Annotated[str | None, Field(max_length=32)] = None
    """Used of the budget."""
    cost: Annotated[str | None, Field(max_length=32)] = None
    """Accrued, with its currency."""
    attempt: Annotated[str | None, Field(max_length=32)] = None
    """The latest attempt: train 2."""


class FineTuneJobStatus(ApiModel):
    """What the cluster answers."""

    observed_generation: int | None = None
    """The generation of the spec that this status is about; -1 before the operator has seen the job."""
    restart_generation: Annotated[int | None, Field(ge=0)] = None
    """The restartGeneration that this status is about; absent: 0."""
    phase: Phase | None = None
    """Where the job is, in one word; a summary of the rest."""
    reason: Annotated[str | None, Field(max_length=64)] = None
    """Why it is there, in one word."""
    message: Annotated[str | None, Field(max_length=2048)] = None
    """Why it is there, in the cluster's or the trainer's own words."""
    start_time: datetime | None = None
    """When the first training pod ran."""
    completion_time: datetime | None = None
    """When the job ended."""
    updated_time: datetime | None = None
    """When this status was last written."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        default=(), json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """The conditions of the job: kubectl wait --for=condition=Complete."""
    stages: Annotated[tuple[StageRecord, ...], Field(max_length=4)] = ()
    """The stages of the present run, in their order."""
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=10)] = ()
    """The latest starts of the stages, oldest first."""
    retries: int = 0
    """Failures that counted against backoffLimit."""
    progress: Progress | None = None
    """How far the training is."""
    usage: Usage | None = None
    """What the job has used."""
    checkpoints: Annotated[tuple[CheckpointRecord, ...], Field(max_length=MOST_CHECKPOINTS)] = ()
    """Complete checkpoints that are still there, oldest first."""
    report: Report | None = None
    """What the check of model and data found."""
    warnings: Annotated[tuple[Text, ...], Field(max_length=16)] = ()
    """What is superfluous, suspicious or without effect, each with its field."""
    resolved: Resolved | None = None
    """Every decision of the operator, taken once."""
    estimate: Estimate | None = None
    """Time and cost, reckoned before the training starts."""
    result: Result | None = None
    """The published model."""
    failure: Failure | None = None
    """Why the job failed."""
    display: Display | None = None
    """Text for the columns of kubectl get."""

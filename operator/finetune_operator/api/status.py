"""``FineTuneJob.status``: what the cluster answers. Written by the operator alone, once per reconcile."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from finetune_operator.api.condition import Condition
from finetune_operator.api.conditions import Phase
from finetune_operator.api.course import MOST_CHECKPOINTS, CheckpointRecord, Progress, Usage
from finetune_operator.api.model import Amount, ApiModel, Count, Measure, Text
from finetune_operator.api.resolved import Resolved

MOST_ATTEMPTS = 8
"""Attempts that the status keeps, of the ten that it may hold; older ones are dropped, their retries stay counted."""

Stage = Literal["prepare", "train", "publish"]

Outcome = Literal["Succeeded", "UserError", "Platform", "Error", "Requested"]
"""How an attempt ended."""


class Attempt(ApiModel):
    """One start of one stage: one batch/v1 Job."""

    stage: Stage
    """prepare checks on CPU, train trains, publish merges and uploads on CPU."""
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
    overrun_time: datetime | None = None
    """When it was seen to train beyond its budget and a quarter of it; half an hour later it is ended."""
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
    """Rows of training data; episodes of robots."""
    tokens: Count
    """Tokens of training data, as the model's tokenizer counts them."""
    longest_row_tokens: Count | None = None
    """Tokens of the longest row."""
    sequences: Count | None = None
    """What a batch is made of: packed sequences with packing, else rows; frames of robots."""
    validation_rows: Count | None = None
    """Rows of validation data; episodes of robots."""
    parameters: Count | None = None
    """Weights of the model."""
    episodes: Count | None = None
    """Robots: episodes that are trained on."""
    frames: Count | None = None
    """Robots: frames of those episodes."""
    fps: Measure | None = None
    """Robots: frames per second."""
    image_keys: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(max_length=16)] | None = None
    """Robots: the dataset's cameras; absent where they are more than four and resolved.cameras has all of them."""
    state_dim: Count | None = None
    """Robots: numbers of a state."""
    action_dim: Count | None = None
    """Robots: numbers of an action."""
    warnings: Annotated[tuple[Text, ...], Field(max_length=8)] = ()
    """What is suspicious but not refused; at full length it is in the stage's verdict on the output claim."""


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


class Unpublished(ApiModel):
    """A training that is done and whose model is not published yet."""

    run: Annotated[int, Field(ge=0)]
    """The restartGeneration of the run that trained."""
    reason: Annotated[str, Field(max_length=64)]
    """Why its training ended."""
    asked: Annotated[str, Field(max_length=32)]
    """Digest of what was asked of the training: a new run that asks for the same goes on at publishing."""


class Result(ApiModel):
    """The published model."""

    uri: Annotated[str, Field(max_length=1024)]
    """Where it lies: pvc://CLAIM/PATH, or where output.uri has it published."""
    revision: Annotated[str | None, Field(max_length=256)] = None
    """Of a model on the Hub: the commit."""
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
    """Accrued, of maxCost where there is one, with its currency."""
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
    reason_time: datetime | None = None
    """Since when the reason is this one."""
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
    unpublished: Unpublished | None = None
    """What is trained and still to be published; a new run goes on with it when publishing has failed."""
    result: Result | None = None
    """The published model."""
    failure: Failure | None = None
    """Why the job failed."""
    display: Display | None = None
    """Text for the columns of kubectl get."""

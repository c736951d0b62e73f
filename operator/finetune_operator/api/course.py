"""Parts of ``FineTuneJob.status``: how far a run is, what it has used and which checkpoints there are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from finetune_operator.api.model import Amount, ApiModel, Count

MOST_CHECKPOINTS = 8
"""Checkpoints that the status lists: the newest ones and the best."""
MOST_METRICS = 64
MOST_METRICS_OF_CHECKPOINT = 4
LONGEST_METRIC_NAME = 64


class Progress(ApiModel):
    """How far the training is."""

    step: int
    """Optimizer steps done."""
    total_steps: int | None = None
    """Optimizer steps planned."""
    epoch: float | None = None
    """Passes over the data done."""
    total_epochs: float | None = None
    """Passes over the data planned."""
    percentage: Annotated[int, Field(ge=0, le=100)] | None = None
    """Of the steps or of the hours, whichever will end first."""
    estimated_remaining_seconds: Annotated[int, Field(ge=0)] | None = None
    """Until the training ends, from the recent pace; absent while nothing trains."""
    trained_tokens: int | None = None
    """Tokens trained on, padding not counted."""
    checkpoint_step: int | None = None
    """Step of the newest complete checkpoint."""
    metrics: Annotated[dict[str, float], Field(max_length=MOST_METRICS)] = Field(default_factory=dict)
    """The latest values: loss, firstLoss, learningRate …"""
    last_updated_time: datetime
    """When the trainer last reported."""


class CheckpointRecord(ApiModel):
    """A complete checkpoint, as the trainer reports it."""

    step: Count
    """Optimizer steps that it holds."""
    attempt: Annotated[int, Field(ge=1)]
    """The attempt that wrote it."""
    uri: Annotated[str, Field(max_length=512)]
    """Where it lies."""
    time: datetime | None = None
    """When it was complete."""
    training_seconds: Amount | None = None
    """Training time until then."""
    metrics: Annotated[
        dict[Annotated[str, Field(max_length=LONGEST_METRIC_NAME)], float], Field(max_length=MOST_METRICS_OF_CHECKPOINT)
    ] = Field(default_factory=dict)
    """loss, and evalLoss where it was measured."""


class Usage(ApiModel):
    """What the present run has used."""

    training_seconds: float = 0
    """Training time over all attempts: what hours limits."""
    wasted_seconds: float = 0
    """Of it, what was lost because an attempt was killed after its last checkpoint."""
    queued_seconds: float = 0
    """Time that training attempts waited for their hardware, image and volumes; nothing is charged for it."""
    preparing_seconds: float = 0
    """Time on CPU before the training."""
    gpu_seconds: float = 0
    """Time that GPUs were held, times their number; of hardware without GPUs 0."""
    counted_until: datetime | None = None
    """Until when gpuSeconds is counted."""
    cost: float | None = None
    """Training time times the price of the instance, times nodes."""
    currency: Annotated[str | None, Field(max_length=3)] = None
    """Of the cost."""

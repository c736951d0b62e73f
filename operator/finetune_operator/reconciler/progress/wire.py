"""A report as it comes over the wire: ``trainer-image/contract/progress.schema.json``, or Kubeflow's part of it alone.

What is of another type or out of its range is refused, with the field. What there is too much of is cut: an operator
that is a little older than a trainer image must not lose its progress.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from finetune_operator.api.model import LARGEST_COUNT, Count, Measure
from finetune_operator.planning.progress import Activity

LONGEST_PATH: Final = 253

# A pod's clock may be wrong; the ends of the calendar cannot be reckoned with.
Time = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 2, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))]
Values = dict[str, float | None]


class _Wire(BaseModel):
    # What we do not know is ignored: a newer trainer must not lose its progress to an older operator.
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Metric(_Wire):
    """One of Kubeflow's metrics; its value is text."""

    name: str
    value: str | float


class TrainerStatus(_Wire):
    """Kubeflow's part."""

    metrics: tuple[Metric, ...] = ()


class GivenCheckpoint(_Wire):
    """One complete checkpoint."""

    step: Count
    attempt: Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
    path: Annotated[str, Field(min_length=1, max_length=LONGEST_PATH, pattern=r"^[\x20-\x7e]+$")]
    time: Time | None = None
    training_seconds: Measure | None = None
    metrics: Values = {}


class GivenLine(_Wire):
    """One line of output. A level that is not known is as good as ``info``."""

    timestamp: Time
    level: str = "info"
    message: str


class Finetune(_Wire):
    """Our part."""

    contract_version: Literal[1]
    attempt: Annotated[int, Field(ge=1)]
    activity: Activity
    step: Count
    total_steps: Count | None = None
    epoch: Measure | None = None
    total_epochs: Measure | None = None
    training_seconds: Measure | None = None
    wasted_seconds: Measure | None = None
    trained_tokens: Count | None = None
    metrics: Values = {}
    checkpoint_step: Count | None = None
    checkpoints: tuple[GivenCheckpoint, ...] | None = None
    logs: tuple[GivenLine, ...] = ()


class Body(_Wire):
    """The whole report."""

    trainer_status: TrainerStatus
    finetune: Finetune | None = None

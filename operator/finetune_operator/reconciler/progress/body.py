"""The body of a report as a value: ``trainer-image/contract/progress.schema.json``, or Kubeflow's part of it alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from finetune_operator.planning.progress import Activity, Progress
from finetune_operator.reconciler.progress.refusal import PostRefusedError

MOST_BYTES: Final = 64 * 1024
MOST_METRICS: Final = 64
LONGEST_NAME: Final = 64
MOST_FAULTS: Final = 3
LONGEST_GIVEN: Final = 80
LARGEST_COUNT: Final = 2**53
"""Above it JSON readers disagree about integers."""

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Wire(BaseModel):
    # What we do not know is ignored: a newer trainer must not lose its progress to an older operator.
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Metric(_Wire):
    name: str
    value: str | float


class _TrainerStatus(_Wire):
    metrics: tuple[_Metric, ...] = ()


class _Finetune(_Wire):
    contract_version: Literal[1]
    attempt: Annotated[int, Field(ge=1)]
    activity: Activity
    step: Count
    total_steps: Count | None = None
    epoch: Amount | None = None
    total_epochs: Amount | None = None
    training_seconds: Amount | None = None
    trained_tokens: Count | None = None
    metrics: dict[str, float | None] = {}
    checkpoint_step: Count | None = None


class _Body(_Wire):
    trainer_status: _TrainerStatus
    finetune: _Finetune | None = None


@dataclass(frozen=True)
class Sender:
    """What is known of the sender without believing the body: its pod, the attempt that pod belongs to, and when."""

    pod_uid: str
    attempt: int
    received_at: datetime


def parse(body: bytes, sender: Sender) -> Progress:
    """The report in a body. Raises PostRefusedError (422) that names the field, what was given and what is allowed."""
    try:
        parsed = _Body.model_validate_json(body)
    except ValidationError as error:
        raise _invalid("; ".join(_faults(error))) from None
    if parsed.finetune is None:
        return _foreign(parsed.trainer_status, sender)
    return _ours(parsed.finetune, sender)


def _ours(given: _Finetune, sender: Sender) -> Progress:
    if given.attempt != sender.attempt:
        raise _invalid(f"finetune.attempt: given {given.attempt}, but the pod belongs to attempt {sender.attempt}")
    return Progress(
        attempt=sender.attempt,
        pod_uid=sender.pod_uid,
        step=given.step,
        received_at=sender.received_at,
        activity=given.activity,
        total_steps=given.total_steps,
        epoch=given.epoch,
        total_epochs=given.total_epochs,
        training_seconds=given.training_seconds,
        trained_tokens=given.trained_tokens,
        metrics=_finite(given.metrics.items()),
        checkpoint_step=given.checkpoint_step,
    )


def _foreign(given: _TrainerStatus, sender: Sender) -> Progress:
    """A Hugging Face Trainer that knows nothing of us: step, total and epoch hide among its metrics, as text.

    Its percentage and remaining time are not read: it claims 0 % after a resume and 100 % after an early stop. Its
    first and last report have no step; they count as step 0, which the inbox drops once it knows better.
    """
    values = dict(_finite((metric.name, _number(metric.value)) for metric in given.metrics))
    step, total, epoch = (values.pop(name, None) for name in ("current_step", "total_steps", "current_epoch"))
    return Progress(
        attempt=sender.attempt,
        pod_uid=sender.pod_uid,
        step=_count(step) or 0,
        received_at=sender.received_at,
        total_steps=_count(total),
        epoch=epoch if epoch is not None and epoch >= 0 else None,
        metrics=MappingProxyType(values),
    )


def _finite(named: Iterable[tuple[str, float | None]]) -> Mapping[str, float]:
    """The first so many values that are numbers and bear a name that the status can hold."""
    fit = (
        (name, value)
        for name, value in named
        if value is not None and math.isfinite(value) and 0 < len(name) <= LONGEST_NAME
    )
    return MappingProxyType(dict(islice(fit, MOST_METRICS)))


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _count(value: float | None) -> int | None:
    return int(value) if value is not None and 0 <= value <= LARGEST_COUNT else None


def _faults(error: ValidationError) -> Iterable[str]:
    for fault in error.errors(include_url=False, include_context=False)[:MOST_FAULTS]:
        where = ".".join(str(part) for part in fault["loc"]) or "body"
        # The whole body is no help, and a missing field has nothing that was given.
        given = "" if where == "body" or fault["type"] == "missing" else f", given {_shortened(fault['input'])}"
        yield f"{where}: {fault['msg']}{given}"


def _shortened(given: object) -> str:
    text = repr(given)
    return text if len(text) <= LONGEST_GIVEN else f"{text[:LONGEST_GIVEN]}…"


def _invalid(message: str) -> PostRefusedError:
    return PostRefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, message)

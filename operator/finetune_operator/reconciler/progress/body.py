"""The body of a report as a value: what of it is believed, and how much."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from types import MappingProxyType
from typing import Final, cast, get_args

from pydantic import ValidationError

from finetune_operator.api.course import (
    LONGEST_METRIC_NAME,
    MOST_CHECKPOINTS,
    MOST_METRICS,
    MOST_METRICS_OF_CHECKPOINT,
)
from finetune_operator.api.model import LARGEST_COUNT, LARGEST_MEASURE
from finetune_operator.planning.progress import (
    LONGEST_LOG_MESSAGE,
    MOST_LOG_LINES,
    Checkpoint,
    Level,
    LogLine,
    Progress,
)
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from finetune_operator.reconciler.progress.wire import Body, Finetune, GivenCheckpoint, GivenLine, TrainerStatus

MOST_BYTES: Final = 64 * 1024
MOST_FAULTS: Final = 3
LONGEST_GIVEN: Final = 80
_UNPRINTABLE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Colours of a terminal, and whatever would break a line."""


@dataclass(frozen=True)
class Sender:
    """What is known of the sender without believing the body: its pod, the attempt that pod belongs to, and when."""

    pod_uid: str
    attempt: int
    received_at: datetime


def parse(body: bytes, sender: Sender) -> Progress:
    """The report in a body. Raises PostRefusedError (422) that names the field, what was given and what is allowed."""
    try:
        parsed = Body.model_validate_json(body)
    except ValidationError as error:
        raise _invalid("; ".join(_faults(error))) from None
    if parsed.finetune is None:
        return _foreign(parsed.trainer_status, sender)
    return _ours(parsed.finetune, sender)


def _ours(given: Finetune, sender: Sender) -> Progress:
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
        wasted_seconds=_part(given.wasted_seconds, given.training_seconds),
        trained_tokens=given.trained_tokens,
        metrics=_finite(given.metrics.items()),
        checkpoint_step=given.checkpoint_step,
        checkpoints=_checkpoints(given.checkpoints, sender),
        log_lines=tuple(_line(each) for each in given.logs[-MOST_LOG_LINES:]),
    )


def _foreign(given: TrainerStatus, sender: Sender) -> Progress:
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
        epoch=epoch if epoch is not None and 0 <= epoch <= LARGEST_MEASURE else None,
        metrics=MappingProxyType(values),
    )


def _checkpoints(given: tuple[GivenCheckpoint, ...] | None, sender: Sender) -> tuple[Checkpoint, ...] | None:
    """One for each step and attempt, the later ones where there are too many."""
    if given is None:
        return None
    for place, each in enumerate(given):
        if each.attempt > sender.attempt:
            raise _invalid(
                f"finetune.checkpoints.{place}.attempt: given {each.attempt}; now is attempt {sender.attempt}"
            )
        if not _inside(each.path):
            where, was = f"finetune.checkpoints.{place}.path", _shortened(each.path)
            raise _invalid(f"{where}: must be relative to the workspace and stay inside of it, given {was}")
    found = {(each.attempt, each.step): _checkpoint(each) for each in given}
    return tuple(found[key] for key in sorted(found))[-MOST_CHECKPOINTS:]


def _checkpoint(given: GivenCheckpoint) -> Checkpoint:
    metrics = islice(_finite(given.metrics.items()).items(), MOST_METRICS_OF_CHECKPOINT)
    time = given.time.astimezone(UTC).replace(microsecond=0) if given.time else None
    return Checkpoint(given.step, given.attempt, given.path, time, given.training_seconds, dict(metrics))


def _inside(path: str) -> bool:
    return all(part not in {"", ".", ".."} for part in path.split("/"))


def _line(given: GivenLine) -> LogLine:
    level = given.level.lower()
    known = cast("Level", level) if level in get_args(Level) else "info"
    message = _UNPRINTABLE.sub(lambda found: "" if found[0].startswith("\x1b[") else " ", given.message)
    return LogLine(given.timestamp.astimezone(UTC), known, message[:LONGEST_LOG_MESSAGE])


def _part(part: float | None, whole: float | None) -> float | None:
    return part if part is None or whole is None else min(part, whole)


def _finite(named: Iterable[tuple[str, float | None]]) -> Mapping[str, float]:
    """The first so many values that are numbers and bear a name that the status can hold."""
    fit = (
        (name, value)
        for name, value in named
        if value is not None and math.isfinite(value) and 0 < len(name) <= LONGEST_METRIC_NAME
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

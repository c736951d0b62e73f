"""Progress: what a running trainer tells the operator, and what the operator's answer may ask for.

The body is Kubeflow Trainer's, with our richer part beside it, so that any receiver of theirs understands it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from trainer.contract import CONTRACT_VERSION
from trainer.contract.shortening import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

Activity = Literal["loading", "step", "evaluation", "save", "finishing"]
Level = Literal["debug", "info", "warning", "error"]

MOST_CHECKPOINTS: Final = 8
MOST_LOG_LINES: Final = 50
LONGEST_LOG_LINE: Final = 512


@dataclass(frozen=True, slots=True)
class CheckpointEntry:
    """A complete checkpoint: `path` is relative to the workspace, `time` in ISO 8601, `training_seconds` of its run."""

    step: int
    attempt: int
    path: str
    time: str
    training_seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The entry as `progress.schema.json` wants it."""
        return {
            "step": self.step,
            "attempt": self.attempt,
            "path": self.path,
            **({"time": self.time} if self.time else {}),
            "trainingSeconds": round(self.training_seconds, 3),
            "metrics": {name: value for name, value in self.metrics.items() if math.isfinite(value)},
        }


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a process printed, and when (ISO 8601)."""

    timestamp: str
    level: Level
    message: str

    def to_json(self) -> dict[str, object]:
        """The line as `progress.schema.json` wants it."""
        return {
            "timestamp": self.timestamp,
            "level": self.level,
            "message": shorten(self.message, LONGEST_LOG_LINE),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training is. Seconds count over all attempts of a run; `seconds_per_step` is 0 while it is not known.

    `checkpoints` are the complete ones, oldest first.
    """

    attempt: int
    activity: Activity
    step: int = 0
    total_steps: int = 0
    epoch: float = 0.0
    total_epochs: float = 0.0
    training_seconds: float = 0.0
    trained_tokens: int = 0
    checkpoint_step: int = 0
    seconds_per_step: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    wasted_seconds: float = 0.0
    checkpoints: tuple[CheckpointEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The operator's answer: a changed budget in seconds, a stop at the end of the current step, seconds between reports."""

    budget_seconds: float | None = None
    stop: bool = False
    report_seconds: float | None = None


def progress_body(progress: Progress, now: datetime, logs: Sequence[LogLine] = ()) -> dict[str, object]:
    """The JSON body of one POST. `now` is in UTC; `logs` are the lines since the last POST that was answered."""
    metrics = {name: value for name, value in progress.metrics.items() if math.isfinite(value)}
    return {
        "trainerStatus": _kubeflow_status(progress, metrics, now),
        "finetune": {
            "contractVersion": CONTRACT_VERSION,
            "attempt": progress.attempt,
            "activity": progress.activity,
            "step": progress.step,
            "totalSteps": progress.total_steps,
            "epoch": round(progress.epoch, 4),
            "totalEpochs": round(progress.total_epochs, 4),
            "trainingSeconds": round(progress.training_seconds, 3),
            "wastedSeconds": round(progress.wasted_seconds, 3),
            "trainedTokens": progress.trained_tokens,
            "metrics": metrics,
            "checkpointStep": progress.checkpoint_step,
            "checkpoints": [each.to_json() for each in progress.checkpoints[-MOST_CHECKPOINTS:]],
            "logs": [line.to_json() for line in logs[-MOST_LOG_LINES:]],
        },
    }


def parse_reply(body: bytes) -> Reply:
    """What an answer asks for. Keys that are unknown and values that make no sense ask for nothing."""
    try:
        document: object = json.loads(body or b"{}")
    except ValueError:
        return Reply()
    if not isinstance(document, dict):
        return Reply()
    return Reply(
        budget_seconds=_seconds(document.get("budgetSeconds")),
        stop=document.get("stop") is True,
        report_seconds=_seconds(document.get("reportSeconds")),
    )


def _seconds(given: object) -> float | None:
    if not isinstance(given, int | float) or isinstance(given, bool):
        return None
    return float(given) if math.isfinite(given) and given > 0 else None


def _kubeflow_status(progress: Progress, metrics: Mapping[str, float], now: datetime) -> dict[str, object]:
    status: dict[str, object] = {
        "metrics": [{"name": _snake(name), "value": f"{value:.6g}"} for name, value in metrics.items()],
        "lastUpdatedTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if progress.total_steps > 0:
        status["progressPercentage"] = min(100, 100 * progress.step // progress.total_steps)
        if progress.seconds_per_step > 0:
            left = max(0, progress.total_steps - progress.step)
            status["estimatedRemainingSeconds"] = math.ceil(left * progress.seconds_per_step)
    return status


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)

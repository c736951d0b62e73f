"""The verdict: how one stage of one attempt ended, as a frozen value, as JSON and as an exit code."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from trainer.contract import CONTRACT_VERSION
from trainer.contract.shortening import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.report import Report
    from trainer.contract.result import Result
    from trainer.contract.run import Stage
    from trainer.failures import StageEnd

EXIT_CODES: Final[Mapping[str, int]] = {
    "completed": 0,
    "deadline": 0,
    "stopped": 0,
    "userError": 64,
    "outOfMemory": 66,
    "retry": 75,
    "failed": 1,
}
"""The process's exit code for each result."""

LONGEST_MESSAGE: Final = 1024
LONGEST_ADVICE: Final = 512
LONGEST_LINE: Final = 256
MOST_LINES: Final = 8
MOST_FILES: Final = 32


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished model: `path` relative to the workspace, `files` relative to it, `digest` over all of them.

    `uri` is where it was published, and `revision` what the store calls that version of it; empty in the workspace.
    """

    path: str
    kind: Literal["adapter", "model"]
    files: tuple[str, ...]
    bytes: int
    digest: str
    uri: str = ""
    revision: str = ""

    def to_json(self) -> dict[str, object]:
        """The artifact as `verdict.schema.json` wants it."""
        return {
            "path": self.path,
            "kind": self.kind,
            "files": list(self.files[:MOST_FILES]),
            "bytes": self.bytes,
            "digest": self.digest,
            **({"uri": self.uri} if self.uri else {}),
            **({"revision": self.revision} if self.revision else {}),
        }


@dataclass(frozen=True, slots=True)
class Position:
    """How far training has come, over all attempts; `wasted_seconds` of `training_seconds` went into steps that were lost."""

    step: int
    total_steps: int
    epoch: float = 0.0
    training_seconds: float = 0.0
    trained_tokens: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    wasted_seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """The position's keys of a verdict; numbers that are not finite are left out, JSON cannot hold them."""
        return {
            "step": self.step,
            "totalSteps": self.total_steps,
            "epoch": round(self.epoch, 4),
            "trainingSeconds": round(self.training_seconds, 3),
            "wastedSeconds": round(self.wasted_seconds, 3),
            "trainedTokens": self.trained_tokens,
            "metrics": {name: value for name, value in self.metrics.items() if math.isfinite(value)},
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a stage ended. Which optional parts are there depends on stage and result."""

    stage: Stage
    attempt: int
    result: Result
    message: str
    code: str = ""
    param: str = ""
    advice: str = ""
    position: Position | None = None
    report: Report | None = None
    artifact: Artifact | None = None
    lines: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The verdict as `verdict.schema.json` wants it; empty parts are left out."""
        document: dict[str, object] = {
            "contractVersion": CONTRACT_VERSION,
            "stage": self.stage,
            "attempt": self.attempt,
            "result": self.result,
            "message": shorten(self.message, LONGEST_MESSAGE),
        }
        texts = {"code": self.code, "param": self.param, "advice": shorten(self.advice, LONGEST_ADVICE)}
        document |= {key: text for key, text in texts.items() if text}
        if self.position is not None:
            document |= self.position.to_json()
        if self.report is not None:
            document["report"] = self.report.to_json()
        if self.artifact is not None:
            document["artifact"] = self.artifact.to_json()
        if self.lines:
            document["lines"] = [shorten(line, LONGEST_LINE) for line in self.lines[-MOST_LINES:]]
        return document


def verdict_of(end: StageEnd, stage: Stage, attempt: int, position: Position | None = None) -> Verdict:
    """The verdict of a stage that ended early."""
    return Verdict(
        stage=stage,
        attempt=attempt,
        result=end.result,
        message=end.message,
        code=end.code,
        param=end.param,
        advice=end.advice,
        position=position,
        report=end.report,
    )


def exit_code(document: Mapping[str, object]) -> int:
    """The exit code that goes with a verdict in JSON; an unknown result counts as a failure."""
    return EXIT_CODES.get(str(document.get("result")), EXIT_CODES["failed"])

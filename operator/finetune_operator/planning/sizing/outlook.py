"""How long a training takes and what it costs, and whether its hours end before its epochs."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_operator.api.status import Estimate
from finetune_operator.planning.sizing.training import Training


@dataclass(frozen=True)
class Rows:
    """What an epoch consists of: rows (frames for robots) and, of language models, the tokens of all of them."""

    count: int
    tokens: int | None = None


@dataclass(frozen=True)
class Outlook:
    """The answer: ``estimate`` goes into the status, ``warning`` into ``status.warnings``."""

    estimate: Estimate
    warning: str | None = None


def outlook(training: Training, rows: Rows, hours: float) -> Outlook | None:
    """Time and cost within a budget of ``hours``; None where peak TFLOPS or the model's size are unknown."""
    raise NotImplementedError(training, rows, hours)

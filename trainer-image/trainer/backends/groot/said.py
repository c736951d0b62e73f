"""What GR00T's trainers say as they go on: step, loss and learning rate, found in their lines."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BAR: Final = re.compile(r"(\d+)/(\d+) \[")
"""tqdm's: steps of those planned. Both trainers draw one."""
NUMBER: Final = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf)"
LEROBOT: Final[Mapping[str, re.Pattern[str]]] = {
    "loss": re.compile(rf"\bloss:{NUMBER}"),
    "gradNorm": re.compile(rf"\bgrdn:{NUMBER}"),
    "learningRate": re.compile(rf"\blr:{NUMBER}"),
}
TRANSFORMERS: Final[Mapping[str, str]] = {"loss": "loss", "grad_norm": "gradNorm", "learning_rate": "learningRate"}


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says: `step` of `total`, if it does, and metrics, if it has some."""

    step: int | None
    total: int | None
    metrics: Mapping[str, float]


def said(line: str) -> Said:
    """What a line says; nothing of it is relied on, since it is meant for people."""
    bar = BAR.search(line)
    step, total = (int(bar.group(1)), int(bar.group(2))) if bar else (None, None)
    return Said(step, total, _of_lerobot(line) or _of_transformers(line))


def _of_lerobot(line: str) -> dict[str, float]:
    found = {name: pattern.search(line) for name, pattern in LEROBOT.items()} if "smpl:" in line else {}
    return {name: float(match.group(1)) for name, match in found.items() if match}


def _of_transformers(line: str) -> dict[str, float]:
    """A dictionary that transformers prints: {'loss': 0.5, …}."""
    start, end = line.find("{'"), line.rfind("}")
    if start < 0 or "'loss'" not in line:
        return {}
    try:
        shown: object = ast.literal_eval(line[start : end + 1])
    except (ValueError, SyntaxError):
        return {}
    numbers = shown if isinstance(shown, dict) else {}
    return {TRANSFORMERS[name]: float(value) for name, value in numbers.items() if name in TRANSFORMERS}

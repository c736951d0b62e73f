"""How long a training takes and what it costs, and whether its hours end before its epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.model import LARGEST_COUNT
from finetune_operator.api.status import Estimate
from finetune_operator.planning.sizing.load import row_tokens
from finetune_operator.planning.sizing.pace import pace
from finetune_operator.planning.sizing.seconds import Pace
from finetune_operator.planning.sizing.training import Training
from finetune_operator.planning.sizing.words import figures

HOUR: Final = 3600.0
MINUTE: Final = 60.0


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


@dataclass(frozen=True)
class Course:
    """How many steps there are, and how many to an epoch."""

    steps: int
    per_epoch: int
    tokens_per_row: float | None

    @property
    def epochs(self) -> float:
        """Passes over the data."""
        return self.steps / self.per_epoch


def outlook(training: Training, rows: Rows, hours: float) -> Outlook | None:
    """Time and cost within a budget of ``hours``; None where peak TFLOPS, the model's size or the steps are unknown."""
    course = _course(training, rows)
    step = pace(training, course.tokens_per_row) if course else None
    if course is None or step is None:
        return None
    needed = course.steps * step.seconds
    seconds = min(needed, hours * HOUR)
    price = training.instance_type.price_per_hour
    estimate = Estimate(
        training_seconds=round(seconds, 1),
        cost=None if price is None else round(seconds / HOUR * price * training.nodes, 2),
        currency=training.instance_type.currency,
        steps=min(course.steps, LARGEST_COUNT),
        message=_message(training, course, step, (needed, seconds)),
    )
    return Outlook(estimate, _ends_early(course, needed, hours) if needed > hours * HOUR else None)


def duration(seconds: float) -> str:
    """Seconds as they are said: ``45 s``, ``12 min``, ``3.4 h``."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def _course(training: Training, rows: Rows) -> Course | None:
    """Steps and epochs; None while batch, epochs and steps depend on what is not known yet."""
    given = training.hyperparameters
    if given.batch_size is None or rows.count < 1 or (given.steps is None and given.epochs is None):
        return None
    count, tokens = rows.count, None
    if rows.tokens is not None:
        longest = row_tokens(training)
        # Packed rows are full; others are as long as they are on average, at most as long as they may be.
        count = max(1, math.ceil(rows.tokens / longest)) if given.packing else rows.count
        tokens = min(rows.tokens / count, longest)
    per_epoch = math.ceil(count / given.batch_size)
    steps = given.steps or max(1, math.ceil((given.epochs or 0) * per_epoch))
    return Course(steps, per_epoch, tokens)


def _message(training: Training, course: Course, step: Pace, needed_and_spent: tuple[float, float]) -> str:
    needed, spent = needed_and_spent
    whole = f"{course.steps} steps ({course.epochs:.3g} epochs of {course.per_epoch})"
    parts = [whole, step.words, f"{course.steps} x {figures(step.seconds)} s = {duration(needed)}"]
    if spent < needed:
        parts.append(f"hours end it after {duration(spent)}")
    instance, nodes = training.instance_type, training.nodes
    if instance.price_per_hour is not None:
        times = f" x {nodes} nodes" if nodes > 1 else ""
        cost = spent / HOUR * instance.price_per_hour * nodes
        price = f"{instance.price_per_hour:g} {instance.currency}"
        parts.append(f"{spent / HOUR:.3g} h{times} x {price} = {cost:.2f} {instance.currency}")
    return "; ".join(parts)


def _ends_early(course: Course, needed: float, hours: float) -> str:
    reached = hours * HOUR / needed
    enough = math.ceil(needed / HOUR * 10) / 10
    return (
        f"spec.hours: {hours:g} end at about epoch {reached * course.epochs:.2g} of {course.epochs:.3g} (step "
        f"{int(reached * course.steps)} of {course.steps}): give {enough:g} hours, fewer epochs or larger hardware"
    )

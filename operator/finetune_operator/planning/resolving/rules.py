"""The rules by which values are chosen that a job leaves open: every number and every word of them.

``docs/hyperparameters.md`` says the same, and a test holds the two together. Whoever changes a rule raises
``RULES_VERSION``: it is recorded with each job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

Value = TypeVar("Value")

RULES_VERSION: Final = 1

TARGET_EPOCHS: Final = 3
FEWEST_EXAMPLES: Final = 100
MOST_EPOCHS: Final = 25
MOST_EXAMPLES: Final = 25_000
BATCH_SHARE: Final = 0.002
SMALLEST_BATCH: Final = 4
LARGEST_AUTOMATIC_BATCH: Final = 64
FEWEST_STEPS_PER_EPOCH: Final = 4
DEFAULT_BATCH: Final = 8
FEW_STEPS: Final = 50
"""Fewer planned optimizer steps than this are worth a warning."""

Group = Literal["dpo", "robot", "language"]
LEARNING_RATES: Final[dict[tuple[Group, bool], float]] = {
    ("language", True): 2e-4,
    ("language", False): 2e-5,
    ("dpo", True): 1e-5,
    ("dpo", False): 1e-6,
    ("robot", True): 1e-4,
    ("robot", False): 1e-4,
}
"""By method, and by whether an adapter is trained."""


@dataclass(frozen=True)
class Fixed(Generic[Value]):
    """A value that depends on nothing, and its rule."""

    value: Value
    rule: str


WARMUP_RATIO: Final = Fixed(0.03, "3 % of the steps")
WEIGHT_DECAY: Final = Fixed(0.0, "none")
MAX_GRAD_NORM: Final = Fixed(1.0, "1")
SEED: Final = Fixed(42, "42")
BETA: Final = Fixed(0.1, "0.1")
RANK: Final = Fixed(16, "16")
DROPOUT: Final = Fixed(0.0, "none")
ADAPTED: Final = Fixed(value=True, rule="on for language models")
UNADAPTED: Final = Fixed(value=False, rule="off for robot policies")
QUANTIZED: Final = Fixed(value=True, rule="on: quantization nf4 needs it")

OF_THE_MODEL: Final = "the base model's default"
OF_THE_LIMITS: Final = "the longest that base model and instance type allow"
AT_MOST: Final = "at most what the base model allows"
TWICE_THE_RANK: Final = "twice the rank"


def rate_rule(group: Group, *, adapted: bool) -> str:
    """Why this learning rate."""
    names = {"dpo": "DPO", "robot": "robot policies", "language": "language models"}
    return f"the usual one of {names[group]} {'with LoRA' if adapted else 'with all weights'}"


def epochs_rule(sequences: int | None) -> str:
    """Why so many epochs."""
    seen = "not known" if sequences is None else str(sequences)
    return f"{TARGET_EPOCHS}, more for few rows and fewer for many; rows: {seen}"


def batch_rule(sequences: int | None, world: int) -> str:
    """Why this batch: ``sequences`` is None where rows do not count."""
    shared = f", as a multiple of {world} processes" if world > 1 else ""
    if sequences is None:
        return f"{DEFAULT_BATCH}{shared}"
    return (
        f"{BATCH_SHARE:.1%} of {sequences} rows as a power of two from {SMALLEST_BATCH} to {LARGEST_AUTOMATIC_BATCH}, at "
        f"least {FEWEST_STEPS_PER_EPOCH} steps an epoch{shared}"
    )


_EPOCHS: Final = (
    f"{TARGET_EPOCHS}; if that shows fewer than {FEWEST_EXAMPLES} rows, {FEWEST_EXAMPLES} over the rows, at most "
    f"{MOST_EPOCHS}; if it shows more than {MOST_EXAMPLES}, {MOST_EXAMPLES} over the rows, at least 1; robot policies: none, "
    "hours end them"
)
_BATCH: Final = (
    f"{BATCH_SHARE:.1%} of the rows, as a power of two from {SMALLEST_BATCH} to {LARGEST_AUTOMATIC_BATCH}, halved while an "
    f"epoch has fewer than {FEWEST_STEPS_PER_EPOCH} steps; robot policies, and where the rows are not known: "
    f"{DEFAULT_BATCH}; then raised to a multiple of the GPUs"
)


def _rates(group: Group) -> str:
    adapted, whole = (f"{LEARNING_RATES[group, lora]:.0e}".replace("e-0", "e-") for lora in (True, False))
    return adapted if adapted == whole else f"{adapted} with LoRA, {whole} without"


SUMMARY: Final[Mapping[str, str]] = {
    "epochs": _EPOCHS,
    "batchSize": _BATCH,
    "learningRate (sft, style)": _rates("language"),
    "learningRate (dpo)": _rates("dpo"),
    "learningRate (robots)": _rates("robot"),
    "warmupRatio": WARMUP_RATIO.rule,
    "weightDecay": WEIGHT_DECAY.rule,
    "maxGradNorm": MAX_GRAD_NORM.rule,
    "seed": SEED.rule,
    "dpo.beta": BETA.rule,
    "lora.enabled": f"{ADAPTED.rule}, {UNADAPTED.rule}; {QUANTIZED.rule}",
    "lora.rank": RANK.rule,
    "lora.alpha": TWICE_THE_RANK,
    "lora.dropout": DROPOUT.rule,
}
"""Every rule, for people."""

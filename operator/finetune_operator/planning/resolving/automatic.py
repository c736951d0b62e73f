"""Values that a job leaves open, chosen by documented rules. The same input always gives the same values.

Every rule has its words in ``Choice.rule``; ``RULES_VERSION`` is recorded beside them and rises when a rule changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from finetune_operator.api.finetunejob import LARGEST_BATCH, Hyperparameters, Lora
from finetune_operator.api.status import Choice, ResolvedHyperparameters, ResolvedLora

Value = TypeVar("Value")

RULES_VERSION: Final = 1

TARGET_EPOCHS: Final = 3
FEWEST_EXAMPLES: Final = 100
MOST_EXAMPLES: Final = 25_000
MOST_EPOCHS: Final = 25
BATCH_SHARE: Final = 0.002
SMALLEST_BATCH: Final = 4
LARGEST_AUTOMATIC_BATCH: Final = 64
FEWEST_STEPS_PER_EPOCH: Final = 4
DEFAULT_BATCH: Final = 8
DEFAULT_SEED: Final = 42
DEFAULT_RANK: Final = 16
DEFAULT_WARMUP_RATIO: Final = 0.03
DEFAULT_BETA: Final = 0.1
LEARNING_RATES: Final = {
    ("dpo", True): 1e-5,
    ("dpo", False): 1e-6,
    ("robot", True): 1e-4,
    ("robot", False): 1e-4,
    ("language", True): 2e-4,
    ("language", False): 2e-5,
}
"""By method and by whether an adapter is trained."""


@dataclass(frozen=True)
class Kind:
    """What the rules ask of a job: its type, and whether it trains a robot policy."""

    job_type: str
    robot: bool


@dataclass(frozen=True)
class Chosen:
    """The values, and the rule of each that the job left open."""

    values: ResolvedHyperparameters
    choices: tuple[Choice, ...]


def choose_before_data(given: Hyperparameters, model: Hyperparameters, kind: Kind) -> Chosen:
    """What needs no look at the data. ``model`` holds the catalog's defaults of the base model."""
    made: list[Choice] = []
    lora = _lora(given.lora, model.lora, kind)
    rate = _rate(given, model, kind, made, enabled=lora.enabled)
    epochs, steps = _length(given, model, made)
    values = ResolvedHyperparameters(
        epochs=epochs,
        steps=steps,
        batch_size=_default("batchSize", given.batch_size, model.batch_size, made),
        learning_rate=rate,
        warmup_ratio=None if given.warmup_steps is not None else _warmup_ratio(given, model, made),
        warmup_steps=given.warmup_steps,
        weight_decay=_first(given.weight_decay, model.weight_decay, 0.0),
        max_grad_norm=_first(given.max_grad_norm, model.max_grad_norm, 1.0),
        seed=_first(given.seed, model.seed, DEFAULT_SEED),
        context_length=_first(given.context_length, model.context_length, None),
        packing=_first(given.packing, model.packing, False),  # noqa: FBT003 - a value among values
        precision=_first(given.precision, model.precision, "auto"),
        quantization=_first(given.quantization, model.quantization, "none"),
        train_on=_first(given.train_on, model.train_on, None),
        dpo_beta=_beta(given, kind),
        image_augmentation=_first(given.image_augmentation, model.image_augmentation, False),  # noqa: FBT003
        lora=lora,
        extra={**(model.extra or {}), **(given.extra or {})},
    )
    return Chosen(values, tuple(made))


@dataclass(frozen=True)
class Data:
    """What the rules ask of the data: rows (packed sequences when packing; None when an image does not report them) and
    the processes that share a batch.
    """

    rows: int | None
    world: int = 1
    robot: bool = False


def choose_by_data(values: ResolvedHyperparameters, data: Data) -> Chosen:
    """Batch size and epochs, from the number of rows."""
    made: list[Choice] = []
    batch = values.batch_size
    if batch is None:
        batch, rule = _batch(data)
        made.append(Choice(field="hyperparameters.batchSize", rule=rule))
    epochs = values.epochs
    if epochs is None and values.steps is None and not data.robot:
        epochs = float(epochs_for(data.rows))
        seen = "unknown" if data.rows is None else str(data.rows)
        rule = f"{TARGET_EPOCHS} passes, more for few rows and fewer for many; rows: {seen}"
        made.append(Choice(field="hyperparameters.epochs", rule=rule))
    # The base model's default batch may suit another number of GPUs; what a job gave itself divides already.
    update = {"batch_size": _multiple(batch, data.world), "epochs": epochs}
    return Chosen(values.model_copy(update=update), tuple(made))


def epochs_for(rows: int | None) -> int:
    """Three passes; at least a hundred examples seen (at most 25 passes), at most 25,000 (at least one pass).

    The rule that OpenAI's cookbook publishes.
    """
    if not rows:
        return TARGET_EPOCHS
    seen = TARGET_EPOCHS * rows
    if seen < FEWEST_EXAMPLES:
        return min(MOST_EPOCHS, FEWEST_EXAMPLES // rows)
    if seen > MOST_EXAMPLES:
        return max(1, MOST_EXAMPLES // rows)
    return TARGET_EPOCHS


def batch_for(rows: int, world: int) -> int:
    """The power of two at or below 0.2 % of the rows, from 4 to 64, lowered for four steps an epoch; a multiple of world."""
    wanted = min(max(int(BATCH_SHARE * rows), SMALLEST_BATCH), LARGEST_AUTOMATIC_BATCH)
    batch = 1 << (wanted.bit_length() - 1)
    while batch > 1 and rows // batch < FEWEST_STEPS_PER_EPOCH:
        batch //= 2
    return _multiple(batch, world)


def _batch(data: Data) -> tuple[int, str]:
    if data.robot or not data.rows:
        return DEFAULT_BATCH, f"{DEFAULT_BATCH}, as a multiple of {data.world} processes"
    rule = f"0.2 % of {data.rows} rows as a power of two from 4 to 64, as a multiple of {data.world} processes"
    return batch_for(data.rows, data.world), rule


def _multiple(batch: int, world: int) -> int:
    """The next multiple of the processes, as far as the largest batch allows."""
    return min(-(-batch // world) * world, max(LARGEST_BATCH // world, 1) * world)


def _length(given: Hyperparameters, model: Hyperparameters, made: list[Choice]) -> tuple[float | None, int | None]:
    """Epochs or steps: those of the job, else those of the base model, else neither yet."""
    if given.epochs is not None or given.steps is not None:
        return given.epochs, given.steps
    return _default("epochs", None, model.epochs, made), _default("steps", None, model.steps, made)


def _default(field: str, given: Value | None, model: Value | None, made: list[Choice]) -> Value | None:
    if given is None and model is not None:
        made.append(Choice(field=f"hyperparameters.{field}", rule="the base model's default"))
        return model
    return given


def _lora(given: Lora | None, model: Lora | None, kind: Kind) -> ResolvedLora:
    chosen, default = given or model or Lora(enabled=not kind.robot), model or Lora()
    rank = _first(chosen.rank, default.rank, DEFAULT_RANK)
    return ResolvedLora(
        enabled=chosen.enabled,
        rank=rank,
        alpha=_first(chosen.alpha, default.alpha if chosen.rank is None else None, 2 * rank),
        dropout=_first(chosen.dropout, default.dropout, 0.0),
        target_modules=chosen.target_modules or default.target_modules or (),
    )


def _rate(given: Hyperparameters, model: Hyperparameters, kind: Kind, made: list[Choice], *, enabled: bool) -> float:
    if given.learning_rate is not None:
        return given.learning_rate
    field = "hyperparameters.learningRate"
    if model.learning_rate is not None:
        made.append(Choice(field=field, rule="the base model's default"))
        return model.learning_rate
    group = "dpo" if kind.job_type == "dpo" else "robot" if kind.robot else "language"
    method = "with an adapter" if enabled else "for all weights"
    made.append(Choice(field=field, rule=f"the usual rate of {kind.job_type} {method}"))
    return LEARNING_RATES[group, enabled]


def _warmup_ratio(given: Hyperparameters, model: Hyperparameters, made: list[Choice]) -> float:
    if given.warmup_ratio is not None:
        return given.warmup_ratio
    if given.warmup_steps is None:
        made.append(
            Choice(field="hyperparameters.warmupRatio", rule="3 % of the steps, unless the base model says otherwise")
        )
    return _first(model.warmup_ratio, None, DEFAULT_WARMUP_RATIO)


def _beta(given: Hyperparameters, kind: Kind) -> float | None:
    if kind.job_type != "dpo":
        return None
    return given.dpo.beta if given.dpo and given.dpo.beta is not None else DEFAULT_BETA


def _first(given: Value | None, model: Value | None, default: Value) -> Value:
    """The given value, zero included; else the model's; else the default."""
    if given is not None:
        return given
    return default if model is None else model

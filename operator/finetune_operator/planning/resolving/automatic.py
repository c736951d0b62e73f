"""Values that a job leaves open and that need no look at the data: the job's, else the base model's, else the rule's."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

from finetune_operator.api.basemodel import ModelLimits
from finetune_operator.api.finetunejob import Hyperparameters, Lora
from finetune_operator.api.resolved import Choice, ResolvedHyperparameters, ResolvedLora
from finetune_operator.planning.resolving import rules
from finetune_operator.planning.resolving.rules import Fixed, Group
from finetune_operator.planning.sizing.load import LONGEST_BY_DEFAULT

Value = TypeVar("Value")

NOTHING: Final = Hyperparameters()
NO_LIMITS: Final = ModelLimits()


@dataclass(frozen=True)
class Ask:
    """What is asked for: the job's values, the base model's defaults and limits, and what kind of training it is."""

    given: Hyperparameters
    model: Hyperparameters = NOTHING
    limits: ModelLimits = NO_LIMITS
    group: Group = "language"


@dataclass(frozen=True)
class Chosen:
    """The values, and the rule of each that the job left open."""

    values: ResolvedHyperparameters
    choices: tuple[Choice, ...]


def choose_before_data(ask: Ask) -> Chosen:
    """What needs no look at the data. Epochs and batch size may stay open."""
    given, model, choosing = ask.given, ask.model, _Choosing()
    lora = _lora(ask, choosing)
    epochs, steps = _length(ask, choosing)
    ratio, warmup_steps = _warmup(ask, choosing)
    values = ResolvedHyperparameters(
        epochs=epochs,
        steps=steps,
        batch_size=choosing.limited("batchSize", given.batch_size, model.batch_size, ask.limits.batch_size),
        learning_rate=_rate(ask, choosing, adapted=lora.enabled),
        warmup_ratio=ratio,
        warmup_steps=warmup_steps,
        weight_decay=choosing.value("weightDecay", given.weight_decay, model.weight_decay, rules.WEIGHT_DECAY),
        max_grad_norm=choosing.value("maxGradNorm", given.max_grad_norm, model.max_grad_norm, rules.MAX_GRAD_NORM),
        seed=choosing.value("seed", given.seed, model.seed, rules.SEED),
        context_length=_context_length(ask, choosing),
        packing=choosing.offered("packing", given.packing, model.packing) or False,
        precision=choosing.offered("precision", given.precision, model.precision) or "auto",
        quantization=_quantization(ask, choosing, adapted=lora.enabled),
        train_on=choosing.offered("trainOn", given.train_on, model.train_on),
        dpo_beta=_beta(ask, choosing),
        image_augmentation=choosing.offered("imageAugmentation", given.image_augmentation, model.image_augmentation)
        or False,
        lora=lora,
        extra={**(model.extra or {}), **(given.extra or {})},
    )
    return Chosen(values, tuple(choosing.made))


@dataclass(frozen=True)
class _Choosing:
    """Chooses values and notes the rule of each that was not given."""

    made: list[Choice] = field(default_factory=list)

    def value(self, name: str, given: Value | None, model: Value | None, fixed: Fixed[Value]) -> Value:
        """The given value, zero included; else the base model's; else the rule's."""
        offered = self.offered(name, given, model)
        return offered if offered is not None else self.noted(name, fixed.value, fixed.rule)

    def offered(self, name: str, given: Value | None, model: Value | None) -> Value | None:
        """The given value, else the base model's, else none."""
        if given is not None or model is None:
            return given
        return self.noted(name, model, rules.OF_THE_MODEL)

    def limited(self, name: str, given: int | None, model: int | None, most: int | None) -> int | None:
        """The same with a limit for what was not given."""
        return self.offered(name, given, model if model is None or most is None else min(model, most))

    def noted(self, name: str, value: Value, rule: str) -> Value:
        """A value that the job did not give."""
        self.made.append(noted(name, rule))
        return value


@lru_cache(maxsize=256)
def noted(name: str, rule: str) -> Choice:
    """One value that the job left open; ``name`` is its field under hyperparameters."""
    return Choice(field=f"hyperparameters.{name}", rule=rule)


def _length(ask: Ask, choosing: _Choosing) -> tuple[float | None, int | None]:
    """Epochs or steps: those of the job, else those of the base model, else neither yet. Steps win over epochs.

    Robot policies are trained for the hours that were asked for: a preset of steps would end them before.
    """
    given, model = ask.given, ask.model
    if given.epochs is not None or given.steps is not None or ask.group == "robot":
        return None if given.steps is not None else given.epochs, given.steps
    steps = choosing.offered("steps", None, model.steps)
    return None if steps is not None else choosing.offered("epochs", None, model.epochs), steps


def _warmup(ask: Ask, choosing: _Choosing) -> tuple[float | None, int | None]:
    """Ratio or steps: those of the job, else those of the base model, else the rule's ratio. Steps win over the ratio."""
    given, model = ask.given, ask.model
    if given.warmup_steps is not None:
        return None, given.warmup_steps
    if given.warmup_ratio is None and model.warmup_steps is not None:
        return None, choosing.offered("warmupSteps", None, model.warmup_steps)
    return choosing.value("warmupRatio", given.warmup_ratio, model.warmup_ratio, rules.WARMUP_RATIO), None


def _lora(ask: Ask, choosing: _Choosing) -> ResolvedLora:
    """The adapter. What is chosen for one that is switched off is not worth a note."""
    given, model = ask.given.lora or Lora(), ask.model.lora or Lora()
    enabled = _adapted(ask, choosing)
    choosing = choosing if enabled else _Choosing()
    rank = choosing.limited("lora.rank", given.rank, model.rank, ask.limits.lora_rank)
    if rank is None:
        most = ask.limits.lora_rank or rules.RANK.value
        rule = rules.AT_MOST if most < rules.RANK.value else rules.RANK.rule
        rank = choosing.noted("lora.rank", min(rules.RANK.value, most), rule)
    # The base model's scale belongs to its own rank.
    alpha = choosing.offered("lora.alpha", given.alpha, model.alpha if given.rank is None else None)
    return ResolvedLora(
        enabled=enabled,
        rank=rank,
        alpha=choosing.noted("lora.alpha", 2 * rank, rules.TWICE_THE_RANK) if alpha is None else alpha,
        dropout=choosing.value("lora.dropout", given.dropout, model.dropout, rules.DROPOUT),
        target_modules=choosing.offered("lora.targetModules", given.target_modules, model.target_modules) or (),
    )


def _adapted(ask: Ask, choosing: _Choosing) -> bool:
    if ask.given.lora is not None:
        return ask.given.lora.enabled
    if ask.given.quantization == "nf4":
        return choosing.noted("lora.enabled", rules.QUANTIZED.value, rules.QUANTIZED.rule)
    return choosing.value("lora.enabled", None, _usually_adapted(ask.model), _by_kind(ask.group))


def _usually_adapted(model: Hyperparameters) -> bool | None:
    return model.lora.enabled if model.lora else None


def _by_kind(group: Group) -> Fixed[bool]:
    return rules.UNADAPTED if group == "robot" else rules.ADAPTED


def _rate(ask: Ask, choosing: _Choosing, *, adapted: bool) -> float:
    """The base model's rate is one for its own method: with or without an adapter, and not for DPO."""
    if ask.given.learning_rate is not None:
        return ask.given.learning_rate
    usual = _usually_adapted(ask.model)
    same_method = adapted == (_by_kind(ask.group).value if usual is None else usual) and ask.group != "dpo"
    rate = choosing.offered("learningRate", None, ask.model.learning_rate if same_method else None)
    if rate is not None:
        return rate
    rule = rules.rate_rule(ask.group, adapted=adapted)
    return choosing.noted("learningRate", rules.LEARNING_RATES[ask.group, adapted], rule)


def _quantization(ask: Ask, choosing: _Choosing, *, adapted: bool) -> str:
    """Only frozen weights are kept in 4 bits: the base model's default is none of a job that trains them all."""
    return (
        choosing.offered("quantization", ask.given.quantization, ask.model.quantization if adapted else None) or "none"
    )


def _context_length(ask: Ask, choosing: _Choosing) -> int | None:
    """None leaves it to the trainer: what the model can, at most 4096; unless the base model allows less than that."""
    most = ask.limits.context_length
    length = choosing.limited("contextLength", ask.given.context_length, ask.model.context_length, most)
    if length is None and most is not None and most < LONGEST_BY_DEFAULT and ask.group != "robot":
        return choosing.noted("contextLength", most, rules.AT_MOST)
    return length


def _beta(ask: Ask, choosing: _Choosing) -> float | None:
    if ask.group != "dpo":
        return None
    given, model = ask.given.dpo, ask.model.dpo
    return choosing.value("dpo.beta", given.beta if given else None, model.beta if model else None, rules.BETA)

"""How to train, as run.json says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from trainer.contract.bounds import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, SHARE
from trainer.contract.reading import Bounds, Fields, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

Precision = Literal["auto", "bf16", "fp32"]
Quantization = Literal["none", "nf4"]
TrainOn = Literal["assistant", "completion", "all"]

WARMUP_RATIO: Final = 0.03
"""Of the planned steps, in which the learning rate rises when run.json does not say."""
KEYS: Final = (
    *("epochs", "steps", "batchSize", "learningRate", "warmupRatio", "warmupSteps", "weightDecay", "maxGradNorm"),
    *("contextLength", "packing", "seed", "precision", "quantization", "trainOn", "dpo", "imageAugmentation"),
    *("lora", "extra"),
)


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters instead of all weights. No target modules means every linear layer."""

    enabled: bool
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How to train. `steps` overrides `epochs`; `batch_size` is global; `context_length` is in tokens.

    Before the data are known, in stage prepare, `epochs`, `steps` and `batch_size` may all be None. `warmup_steps`
    overrides `warmup_ratio`; a `max_grad_norm` of 0 leaves gradients as they are. `said` are the keys that run.json has:
    for the others a type of model may know better than this.
    """

    learning_rate: float
    seed: int
    lora: Lora
    epochs: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    warmup_ratio: float = WARMUP_RATIO
    warmup_steps: int | None = None
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    context_length: int | None = None
    packing: bool = False
    precision: Precision = "auto"
    quantization: Quantization = "none"
    train_on: TrainOn | None = None
    dpo_beta: float | None = None
    image_augmentation: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)
    said: frozenset[str] = frozenset()


def parse_hyperparameters(document: Fields, *, sized: bool, timed: bool = False) -> Hyperparameters:
    """The hyperparameters under that key of run.json. `sized`: the length of the training and its batch must be told.

    `timed`: with neither epochs nor steps the training seconds end it, as those of robots may.
    """
    fields = document.section("hyperparameters", KEYS)
    if sized and not timed and "steps" not in fields and "epochs" not in fields:
        raise invalid(fields.path("epochs"), "is missing, and steps too")
    if "warmupRatio" in fields and "warmupSteps" in fields:
        raise invalid(fields.path("warmupRatio"), "and warmupSteps are both given, must be one of them")
    return Hyperparameters(
        epochs=fields.number_or_none("epochs", POSITIVE),
        steps=fields.integer_or_none("steps", AT_LEAST_ONE),
        batch_size=_batch_size(fields, sized=sized),
        learning_rate=fields.number("learningRate", POSITIVE),
        warmup_ratio=fields.number_or("warmupRatio", WARMUP_RATIO, SHARE),
        warmup_steps=fields.integer_or_none("warmupSteps", NOT_NEGATIVE),
        weight_decay=fields.number_or("weightDecay", 0.0, NOT_NEGATIVE),
        max_grad_norm=fields.number_or("maxGradNorm", 1.0, NOT_NEGATIVE),
        context_length=fields.integer_or_none("contextLength", AT_LEAST_ONE),
        packing=fields.flag_or("packing"),
        seed=fields.integer("seed", NOT_NEGATIVE),
        precision=cast("Precision", fields.text_or("precision", "auto", get_args(Precision))),
        quantization=cast("Quantization", fields.text_or("quantization", "none", get_args(Quantization))),
        train_on=cast("TrainOn | None", fields.text_or("trainOn", "", get_args(TrainOn)) or None),
        dpo_beta=fields.section("dpo", ["beta"]).number_or_none("beta", POSITIVE) if "dpo" in fields else None,
        image_augmentation=fields.flag_or("imageAugmentation"),
        lora=_lora(fields.section("lora", ["enabled", "rank", "alpha", "dropout", "targetModules"])),
        extra=fields.mapping("extra") if "extra" in fields else {},
        said=frozenset(key for key in KEYS if key in fields),
    )


def _batch_size(fields: Fields, *, sized: bool) -> int | None:
    bounds = Bounds(least=1, most=512)
    return fields.integer("batchSize", bounds) if sized else fields.integer_or_none("batchSize", bounds)


def _lora(fields: Fields) -> Lora:
    absent = Lora(enabled=fields.flag("enabled"))
    return Lora(
        enabled=absent.enabled,
        rank=fields.integer_or_none("rank", Bounds(least=1, most=512)) or absent.rank,
        alpha=fields.integer_or_none("alpha", AT_LEAST_ONE) or absent.alpha,
        dropout=fields.number_or("dropout", absent.dropout, SHARE),
        target_modules=fields.texts_or("targetModules"),
    )

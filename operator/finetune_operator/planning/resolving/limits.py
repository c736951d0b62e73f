"""What the catalog's entry of a model allows, and what is superfluous in a spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from finetune_operator.api.basemodel import ModelLimits
from finetune_operator.api.finetunejob import MOST_HOURS, FineTuneJobSpec, Hyperparameters, Reward
from finetune_operator.api.finetunejob.words import LANGUAGE_JOB_TYPES
from finetune_operator.api.model import ApiModel
from finetune_operator.api.resolved import Resolved, ResolvedModel
from finetune_operator.planning.rejection import Rejection, invalid

UNUSED_REWARD: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "plain": (tuple(name for name in Reward.model_fields if name != "use_rabc"), "while useRabc is false"),
    "vla": (("annotation_mode", "hours_share"), "where no reward model is trained"),
    "reward": (
        ("use_rabc", "model_uri", "progress_uri", "kappa", "hours_share"),
        "where only a reward model is trained",
    ),
    "vla_w_reward": (("model_uri", "progress_uri"), "where the job trains its own reward model"),
    **dict.fromkeys(LANGUAGE_JOB_TYPES, (tuple(Reward.model_fields), "for language models")),
}
"""Fields of ``spec.reward`` that do nothing, by job type (``plain``: vla without RA-BC), and when."""


def over_limit(spec: FineTuneJobSpec, model: ResolvedModel) -> Rejection | None:
    """The first value above what the base model allows."""
    return next(_over(spec, model), None)


def _over(spec: FineTuneJobSpec, model: ResolvedModel) -> Iterator[Rejection]:
    given, limits = spec.hyperparameters or Hyperparameters(), model.limits or ModelLimits()
    most: dict[str, tuple[float | None, float | None]] = {
        "spec.hours": (spec.hours, limits.hours),
        "spec.hyperparameters.batchSize": (given.batch_size, limits.batch_size),
        "spec.hyperparameters.contextLength": (given.context_length, _longest_row(model)),
        "spec.hyperparameters.lora.rank": (given.lora.rank if given.lora else None, limits.lora_rank),
    }
    for param, (value, limit) in most.items():
        if value is not None and limit is not None and value > limit:
            yield invalid(param, f"{_said(value)} was given; BaseModel {model.name!r} allows at most {_said(limit)}")


def _longest_row(model: ResolvedModel) -> int | None:
    """The catalog's limit, or the model's own when that is lower."""
    limit, own = model.limits.context_length if model.limits else None, model.max_sequence_length
    return min(limit, own) if limit and own else limit or own


def _said(value: float) -> str:
    return f"{value:g}" if value % 1 else str(int(value))


def budget_hours(spec: FineTuneJobSpec, resolved: Resolved | None) -> float:
    """The budget: what the job says, at most what model and hardware allow; the longest there is when it says nothing."""
    return min(MOST_HOURS if spec.hours is None else spec.hours, longest_hours(resolved))


def longest_hours(resolved: Resolved | None) -> float:
    """The longest budget that model and hardware allow."""
    model = resolved.model.limits if resolved and resolved.model else None
    hardware = resolved.instance_type.limits if resolved else None
    known = [limits.hours for limits in (model, hardware) if limits and limits.hours]
    return min([*known, float(MOST_HOURS)])


def superfluous(spec: FineTuneJobSpec) -> tuple[str, ...]:
    """What does no harm and has no effect, each with its field."""
    return (*_unused_reward(spec), *_unused_parts(spec))


def unpriced(spec: FineTuneJobSpec, resolved: Resolved) -> tuple[str, ...]:
    """A warning where a limit in money limits nothing."""
    if spec.max_cost is None or resolved.instance_type.price_per_hour:
        return ()
    name = resolved.instance_type_name
    return (f"spec.maxCost: it limits nothing: InstanceType {name!r} has no pricePerHour; hours limit the training",)


def _unused_reward(spec: FineTuneJobSpec) -> Iterator[str]:
    reward = spec.reward
    if reward is None:
        return
    weighted = reward.use_rabc or spec.job_type == "vla_w_reward"
    unused, why = UNUSED_REWARD[spec.job_type if spec.job_type != "vla" or weighted else "plain"]
    given = [name for name in unused if getattr(reward, name) != Reward.model_fields[name].default]
    if given:
        yield f"spec.reward: no effect {why}: {', '.join(_alias(Reward, name) for name in given)}"
    if reward.head_mode == "both" and weighted:
        yield "spec.reward.headMode: both computes progress with either head; rows are weighted by the sparse one"


def _unused_parts(spec: FineTuneJobSpec) -> Iterator[str]:
    given = spec.hyperparameters
    if given and given.lora and not given.lora.enabled and len(given.lora.model_fields_set) > 1:
        yield "spec.hyperparameters.lora: its fields have no effect while enabled is false"
    if spec.evaluation and spec.evaluation.fraction and any(d.split == "validation" for d in spec.datasets):
        yield "spec.evaluation.fraction: not used: there is a validation dataset"
    if spec.output and spec.output.merge and given and given.lora and not given.lora.enabled:
        yield "spec.output.merge: not used: without an adapter the weights are published as they are"


def _alias(model: type[ApiModel], field: str) -> str:
    return model.model_fields[field].alias or field

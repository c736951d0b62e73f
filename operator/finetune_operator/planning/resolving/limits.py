"""What the catalog's entry of a model allows, and what is superfluous in a spec."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.finetunejob import FineTuneJobSpec, Hyperparameters, Reward
from finetune_operator.planning.rejection import Rejection, invalid

NOT_YET = {
    "stop": "stopping early",
    "cancel": "cancelling",
    "suspend": "suspending",
    "restart_generation": "restarting",
    "max_cost": "a cost limit",
    "start_deadline_seconds": "a start deadline",
    "stall_timeout_seconds": "a stall timeout",
    "children_ttl_seconds_after_finished": "removing children",
    "cache": "a shared cache",
}
"""Fields that are accepted and without effect in this release, and what they will do."""


def over_limit(spec: FineTuneJobSpec, name: str, entry: BaseModelSpec | None) -> Rejection | None:
    """The first value above what the base model allows."""
    return next(_over(spec, name, entry), None) if entry else None


def _over(spec: FineTuneJobSpec, name: str, entry: BaseModelSpec) -> Iterator[Rejection]:
    given, limits = spec.hyperparameters or Hyperparameters(), entry.limits
    longest = (limits.context_length if limits else None) or entry.max_sequence_length
    checks = [
        ("spec.hours", spec.hours, limits.hours if limits else None),
        ("spec.hyperparameters.batchSize", given.batch_size, limits.batch_size if limits else None),
        ("spec.hyperparameters.contextLength", given.context_length, longest),
        (
            "spec.hyperparameters.lora.rank",
            given.lora.rank if given.lora else None,
            limits.lora_rank if limits else None,
        ),
    ]
    for param, value, most in checks:
        if value is not None and most is not None and value > most:
            yield invalid(param, f"{value:g} was given; BaseModel {name!r} allows at most {most:g}")


def superfluous(spec: FineTuneJobSpec) -> tuple[str, ...]:
    """What does no harm and has no effect, each with its field."""
    return (*_unused_reward(spec), *_unused_parts(spec), *_not_yet(spec))


def _unused_reward(spec: FineTuneJobSpec) -> Iterator[str]:
    reward = spec.reward
    if reward is None or spec.job_type != "vla" or reward.use_rabc:
        if reward and reward.head_mode == "both" and spec.job_type != "reward":
            yield "spec.reward.headMode: both computes progress with either head; rows are weighted by the sparse one"
        return
    given = [name for name in ("modelUri", "progressUri", "imageKey", "kappa") if name in reward.wire()]
    if given or reward != Reward():
        yield f"spec.reward: {', '.join(given) or 'its fields'} have no effect while useRabc is false"


def _unused_parts(spec: FineTuneJobSpec) -> Iterator[str]:
    given = spec.hyperparameters
    if given and given.lora and not given.lora.enabled and len(given.lora.model_fields_set) > 1:
        yield "spec.hyperparameters.lora: its fields have no effect while enabled is false"
    if spec.evaluation and spec.evaluation.fraction and any(d.split == "validation" for d in spec.datasets):
        yield "spec.evaluation.fraction: not used: there is a validation dataset"
    if spec.output and spec.output.merge and given and given.lora and not given.lora.enabled:
        yield "spec.output.merge: not used: without an adapter the weights are published as they are"


def _not_yet(spec: FineTuneJobSpec) -> Iterator[str]:
    for field, what in NOT_YET.items():
        if getattr(spec, field):
            alias = type(spec).model_fields[field].alias or field
            yield f"spec.{alias}: {what} has no effect in this release"

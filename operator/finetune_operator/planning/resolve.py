"""From what a job asks and the catalog offers to every decision taken, or a refusal in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from finetune_operator.api import uris
from finetune_operator.api.conditions import Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec, Hyperparameters, Lora
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.api.status import Resolved, ResolvedHyperparameters, ResolvedLora
from finetune_operator.catalog.lookup import UnknownNameError, find

Value = TypeVar("Value")

DEFAULT_EPOCHS = 3.0
DEFAULT_BATCH_SIZE = 8
LARGEST_BATCH = 512
DEFAULT_SEED = 42
DEFAULT_RANK = 16
LORA_LEARNING_RATE = 2e-4
FULL_LEARNING_RATE = 2e-5


@dataclass(frozen=True)
class Rejection:
    """A spec that is refused: nothing is created for it.

    ``param`` is the path of the field that is to blame. ``may_mend`` is true for what a later apply of the same commit
    may still bring, such as an InstanceType.
    """

    reason: Reason
    message: str
    param: str
    may_mend: bool = False


def resolve(
    spec: FineTuneJobSpec, instance_types: Mapping[str, InstanceTypeSpec | Json], image: str
) -> Resolved | Rejection:
    """Every decision that the catalog allows to take, or why there is none.

    Only the entry that is asked for is parsed: another one that is broken concerns nobody.
    """
    if rejection := _unreadable_uri(spec):
        return rejection
    try:
        instance_type = InstanceTypeSpec.model_validate(find("InstanceType", spec.instance_type, instance_types))
    except UnknownNameError as error:
        return Rejection(
            Reason.UNKNOWN_INSTANCE_TYPE, f"spec.instanceType: {error}", "spec.instanceType", may_mend=True
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        message = f"spec.instanceType: InstanceType {spec.instance_type!r} is unusable: {where}: {fault['msg']}"
        return Rejection(Reason.UNKNOWN_INSTANCE_TYPE, message, "spec.instanceType", may_mend=True)
    gpus = instance_type.gpu.count if instance_type.gpu else 1
    hyperparameters = resolve_hyperparameters(spec.hyperparameters or Hyperparameters(), gpus)
    if hyperparameters.batch_size % gpus:
        return _undividable(hyperparameters.batch_size, gpus)
    return Resolved(image=image, instance_type=instance_type, hyperparameters=hyperparameters)


def resolve_hyperparameters(given: Hyperparameters, gpus: int = 1) -> ResolvedHyperparameters:
    """The values that were given, and for the others the documented defaults; these suit any number of GPUs."""
    lora = _resolve_lora(given.lora or Lora())
    default_rate = LORA_LEARNING_RATE if lora.enabled else FULL_LEARNING_RATE
    epochs = None if given.steps else _or(given.epochs, DEFAULT_EPOCHS)
    return ResolvedHyperparameters(
        epochs=epochs,
        steps=given.steps,
        batch_size=_or(given.batch_size, -(-DEFAULT_BATCH_SIZE // gpus) * gpus),
        learning_rate=_or(given.learning_rate, default_rate),
        seed=_or(given.seed, DEFAULT_SEED),
        context_length=given.context_length,
        lora=lora,
    )


def _resolve_lora(given: Lora) -> ResolvedLora:
    rank = _or(given.rank, DEFAULT_RANK)
    return ResolvedLora(
        enabled=given.enabled,
        rank=rank,
        alpha=_or(given.alpha, 2 * rank),
        dropout=_or(given.dropout, 0.0),
        target_modules=given.target_modules or (),
    )


def _undividable(batch_size: int, gpus: int) -> Rejection:
    """The batch is global, so each GPU must get the same number of rows."""
    nearest = min(max(1, round(batch_size / gpus)), LARGEST_BATCH // gpus) * gpus
    param = "spec.hyperparameters.batchSize"
    message = (
        f"{param}: {batch_size} rows cannot be divided evenly over {gpus} GPUs: give a multiple, such as {nearest}"
    )
    return Rejection(Reason.INVALID_SPEC, message, param)


def _unreadable_uri(spec: FineTuneJobSpec) -> Rejection | None:
    """What the schema's pattern lets through and the parser refuses, such as a path that leaves its claim."""
    given = [("spec.model.name", spec.model.name)]
    given += [(f"spec.datasets[{index}].uri", dataset.uri) for index, dataset in enumerate(spec.datasets)]
    if spec.output and spec.output.uri:
        given.append(("spec.output.uri", spec.output.uri))
    for param, uri in given:
        try:
            uris.parse(uri)
        except ValueError as error:
            return Rejection(Reason.INVALID_SPEC, f"{param}: {error}", param)
    return None


def _or(given: Value | None, default: Value) -> Value:
    """The given value, zero included."""
    return default if given is None else given

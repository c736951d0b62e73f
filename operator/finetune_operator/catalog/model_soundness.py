"""Whether a base model's entry contradicts itself or another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from finetune_operator.api.basemodel import Architecture, BaseModelSpec
from finetune_operator.api.finetunejob.words import ADAPTABLE_ROBOT_TYPES, LANGUAGE_MODEL
from finetune_operator.catalog.families import FAMILIES, job_types_of

MOST_OFF: Final = 2.0
"""By so much the arithmetic may miss the parameter count; a wrong digit misses by more."""


def contradictions_of_base_model(name: str, spec: BaseModelSpec, others: Mapping[str, BaseModelSpec]) -> Iterator[str]:
    """A sentence for each, the field first. ``others`` are the other entries that can be read, by name."""
    return chain(_names(name, spec, others), _kind(spec), _sizes(spec), _cameras(spec), _defaults(spec))


def gaps_of_base_model(spec: BaseModelSpec) -> Iterator[str]:
    """What may be missing on purpose and still costs something."""
    language = spec.type == LANGUAGE_MODEL
    if language and (spec.architecture is None or spec.parameters is None):
        yield "architecture or parameters are missing: jobs are not checked for fit, and must name an instance type"
    if language and spec.memory:
        yield "memory is not used: the memory of a language model is reckoned from its architecture"
    if not language and spec.type != "sarm" and spec.memory is None:
        yield "memory is missing: jobs are not checked for fit, and must name an instance type"


def _names(name: str, spec: BaseModelSpec, others: Mapping[str, BaseModelSpec]) -> Iterator[str]:
    """Of two that claim one name the second by name gives way; a resource's own name always goes first."""
    for alias in spec.aliases or ():
        if alias == name or alias in others:
            yield f"aliases has {alias}, which is the name of BaseModel {alias!r} itself"
            continue
        first = min((o for o, entry in others.items() if alias in (entry.aliases or ())), default=name)
        if first < name:
            yield f"aliases has {alias}, which BaseModel {first!r} has already"


def _kind(spec: BaseModelSpec) -> Iterator[str]:
    family = FAMILIES[spec.type]
    if spec.family != family:
        yield f"family is {spec.family}: type {spec.type} is trained by {family}"
    possible = job_types_of(spec.type)
    if wrong := [word for word in spec.job_types or () if word not in possible]:
        yield f"jobTypes has {', '.join(wrong)}: with type {spec.type} there is {', '.join(possible)}"


def _sizes(spec: BaseModelSpec) -> Iterator[str]:
    everything, active, limits = spec.parameters, spec.active_parameters, spec.limits
    if everything is not None and active is not None and active > everything:
        yield f"activeParameters are {active}, and parameters, all of them, {everything}"
    if spec.architecture and (counted := active or everything):
        yield from _architecture(spec.architecture, counted)
    longest = limits.context_length if limits else None
    if longest is not None and spec.max_sequence_length is not None and longest > spec.max_sequence_length:
        yield f"limits.contextLength is {longest}: more than maxSequenceLength, {spec.max_sequence_length}"


def _architecture(shape: Architecture, counted: int) -> Iterator[str]:
    if shape.head_size is None and shape.hidden_size % shape.attention_heads:
        yield (
            f"architecture.hiddenSize {shape.hidden_size} cannot be divided by attentionHeads {shape.attention_heads}: "
            "give headSize"
        )
    if shape.attention_heads % shape.key_value_heads:
        yield (
            f"architecture.attentionHeads {shape.attention_heads} is no multiple of keyValueHeads "
            f"{shape.key_value_heads}"
        )
    least = _weights(shape, embeddings=1)
    if counted * MOST_OFF < least or counted > MOST_OFF * _weights(shape, embeddings=2):
        yield (
            f"parameters: {counted:.3g} weights that a token passes through were given, and the architecture has about "
            f"{least:.3g}: one of the two is wrong"
        )


def _weights(shape: Architecture, embeddings: int) -> int:
    """Of a decoder with gated blocks; the embedding once if the head is tied to it, else twice."""
    head = shape.head_size or max(1, shape.hidden_size // shape.attention_heads)
    attention = 2 * shape.hidden_size * head * (shape.attention_heads + shape.key_value_heads)
    block = attention + 3 * shape.hidden_size * shape.intermediate_size
    return shape.layers * block + embeddings * shape.vocabulary_size * shape.hidden_size


def _cameras(spec: BaseModelSpec) -> Iterator[str]:
    keys = Counter(slot.key for slot in spec.camera_slots or () if slot.key)
    for key, times in keys.items():
        if times > 1:
            slots = ", ".join(slot.name for slot in spec.camera_slots or () if slot.key == key)
            yield f"cameraSlots {slots} have one key, {key}: each needs its own"


def _defaults(spec: BaseModelSpec) -> Iterator[str]:
    """What every job gets that does not say otherwise must be allowed to it."""
    given, limits = spec.hyperparameters, spec.limits
    if given is None:
        return
    longest = (limits.context_length if limits else None) or spec.max_sequence_length
    checks = [
        ("batchSize", given.batch_size, limits.batch_size if limits else None, "limits.batchSize"),
        ("contextLength", given.context_length, longest, "what the model takes"),
        ("lora.rank", given.lora.rank if given.lora else None, limits.lora_rank if limits else None, "limits.loraRank"),
    ]
    for field, value, most, words in checks:
        if value is not None and most is not None and value > most:
            yield f"hyperparameters.{field} is {value}: more than {words}, {most}"
    adapter = given.lora is not None and given.lora.enabled
    if adapter and spec.type != LANGUAGE_MODEL and spec.type not in ADAPTABLE_ROBOT_TYPES:
        able = ", ".join((LANGUAGE_MODEL, *ADAPTABLE_ROBOT_TYPES))
        yield f"hyperparameters.lora is enabled: there are adapters for {able}, and not for {spec.type}"

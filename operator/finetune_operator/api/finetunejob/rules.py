"""The rules that hold between the fields of a spec, and between a spec and the one before it. The API server enforces them."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.finetunejob.words import (
    ADAPTABLE_ROBOT_TYPES,
    REWARD_AWARE_TYPES,
    ROBOT_JOB_TYPES,
    SELF_NAMED_TYPES,
    cel_list,
)
from finetune_operator.api.model import Rule

FIXED_REQUIRED: Final = ("jobType", "model", "datasets")
FIXED_OPTIONAL: Final = ("reward", "style", "evaluation", "output", "checkpoints", "integrations", "cache")
"""Never changed: another job is needed."""
PER_RUN_REQUIRED: Final = ("nodes", "allowMemoryOvercommit")
PER_RUN_OPTIONAL: Final = (
    "instanceType", "region", "image", "podTemplate", "hyperparameters", "cameraMappings", "queueName",
)  # fmt: skip
"""Changed only together with a new run, so that a wrong camera key or a full pool can be mended."""

_PLAIN_REQUIRED: Final = ("jobType", "nodes", "allowMemoryOvercommit")
_PLAIN_OPTIONAL: Final = ("instanceType", "region", "image", "queueName")
_ROBOT: Final = f"self.jobType in {cel_list(ROBOT_JOB_TYPES)}"
_REWARD_AWARE: Final = f"self.model.type in {cel_list(REWARD_AWARE_TYPES)}"
_NEW_RUN: Final = "self.restartGeneration > oldSelf.restartGeneration"


def _same(field: str) -> str:
    return f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"


def _are(field: str) -> str:
    return "are" if field.endswith("s") and field != "nodes" else "is"


def _was_given(message: str, field: str) -> str | None:
    """The message with both values, where they are words or numbers."""
    if field in _PLAIN_REQUIRED:
        return f"'{message}; was %s, given %s'.format([oldSelf.{field}, self.{field}])"
    if field not in _PLAIN_OPTIONAL:
        return None
    values = ", ".join(f"has({side}.{field}) ? {side}.{field} : 'none'" for side in ("oldSelf", "self"))
    return f"'{message}; was %s, given %s'.format([{values}])"


def _fixed(field: str, expression: str) -> Rule:
    message = f"{field} {_are(field)} immutable: make a new job"
    return Rule(expression, message, _was_given(message, field), f".{field}")


def _per_run(field: str, expression: str) -> Rule:
    message = (
        f"{field} may change only in an update that also raises restartGeneration: a run keeps what it started with"
    )
    return Rule(f"({expression}) || {_NEW_RUN}", message, _was_given(message, field), f".{field}")


CHANGES: Final[tuple[Rule, ...]] = (
    *(_fixed(field, f"self.{field} == oldSelf.{field}") for field in FIXED_REQUIRED),
    *(_fixed(field, _same(field)) for field in FIXED_OPTIONAL),
    *(_per_run(field, f"self.{field} == oldSelf.{field}") for field in PER_RUN_REQUIRED),
    *(_per_run(field, _same(field)) for field in PER_RUN_OPTIONAL),
    Rule(
        "(has(self.hours) ? self.hours : 168.0) >= (has(oldSelf.hours) ? oldSelf.hours : 168.0)",
        "hours may only grow (a job that names none has 168)",
        "'hours may only grow: was %s, given %s (a job that names none has 168)'.format(["
        "has(oldSelf.hours) ? oldSelf.hours : 168.0, has(self.hours) ? self.hours : 168.0])",
        ".hours",
    ),
    Rule(
        "self.restartGeneration >= oldSelf.restartGeneration",
        "restartGeneration never decreases",
        "'restartGeneration never decreases: was %d, given %d'.format([oldSelf.restartGeneration, self.restartGeneration])",
        ".restartGeneration",
    ),
    *(
        Rule(
            f"!oldSelf.{field} || self.{field} || {_NEW_RUN}",
            f"{field} may return to false only in an update that also raises restartGeneration",
            None,
            f".{field}",
        )
        for field in ("stop", "cancel")
    ),
)

ROBOTS: Final[tuple[Rule, ...]] = (
    Rule(
        f"!({_ROBOT}) || (has(self.model.type) && self.model.type != 'causal_lm')",
        "robot job types need a robot model.type: act, smolvla, pi0, pi05, gr00t_n1_5, gr00t_n1_6, sarm, wall_oss or xvla",
        "'jobType %s needs a robot model.type: act, smolvla, pi0, pi05, gr00t_n1_5, gr00t_n1_6, sarm, wall_oss or xvla; "
        "given: %s'.format([self.jobType, has(self.model.type) ? self.model.type : 'none'])",
        ".model",
    ),
    Rule(
        f"({_ROBOT}) || !has(self.model.type) || self.model.type == 'causal_lm'",
        "language job types need model.type causal_lm, or none",
        "'jobType %s needs model.type causal_lm, or none; given: %s'.format([self.jobType, self.model.type])",
        ".model",
    ),
    Rule(
        "(self.jobType == 'reward') == (has(self.model.type) && self.model.type == 'sarm')",
        "jobType reward and model.type sarm belong together: sarm is the reward model, and no policy",
        "'jobType reward and model.type sarm belong together; given: %s and %s'.format([self.jobType, "
        "has(self.model.type) ? self.model.type : 'none'])",
        ".model",
    ),
    Rule(
        f"({_ROBOT}) || (!has(self.cameraMappings) && !has(self.reward))",
        "cameraMappings and reward are for robot job types: vla, reward, vla_w_reward",
        "'cameraMappings and reward are for robot job types (vla, reward, vla_w_reward); given: %s'.format([self.jobType])",
    ),
    Rule(
        f"({_ROBOT}) || self.datasets.all(d, !has(d.episodes))",
        "episodes are for robot job types",
        "'episodes are for robot job types (vla, reward, vla_w_reward); given: %s'.format([self.jobType])",
        ".datasets",
    ),
    Rule(
        f"!({_ROBOT}) || has(self.hours)",
        "robot job types need hours: their training has no end of its own",
        "'jobType %s needs hours: its training has no end of its own'.format([self.jobType])",
        ".hours",
    ),
    Rule(
        f"!(self.jobType == 'vla_w_reward' || (has(self.reward) && self.reward.useRabc)) || !has(self.model.type) || "
        f"{_REWARD_AWARE}",
        "reward-aware training (RA-BC) needs model.type smolvla, pi0 or pi05",
        "'reward-aware training (RA-BC) needs model.type smolvla, pi0 or pi05; given: %s'.format([self.model.type])",
        ".reward",
    ),
    Rule(
        "!(has(self.reward) && self.reward.useRabc && self.jobType == 'vla') || has(self.reward.modelUri) || "
        "has(self.reward.progressUri)",
        "useRabc needs reward.modelUri or reward.progressUri; job type vla_w_reward trains the reward model itself",
        None,
        ".reward",
    ),
    Rule(
        "!(self.jobType in ['reward','vla_w_reward']) || !has(self.reward) || self.reward.headMode != 'dense' || "
        "(has(self.reward.annotationMode) && self.reward.annotationMode != 'single_stage')",
        "headMode dense needs annotationMode dense_only or dual: a reward model of a single stage has no dense head",
        "'headMode dense needs annotationMode dense_only or dual: a reward model of a single stage has no dense head; "
        "given: %s'.format([has(self.reward.annotationMode) ? self.reward.annotationMode : 'none'])",
        ".reward.headMode",
    ),
    Rule(
        "!has(self.reward) || !has(self.reward.imageKey) || "
        "!(self.reward.useRabc || self.jobType in ['reward','vla_w_reward']) || (has(self.cameraMappings) && "
        "self.cameraMappings.exists(k, self.cameraMappings[k] == self.reward.imageKey))",
        "reward.imageKey must be one of the dataset keys in cameraMappings",
        "'reward.imageKey must be one of the dataset keys in cameraMappings; given: %s'.format([self.reward.imageKey])",
        ".reward.imageKey",
    ),
    Rule(
        "!has(self.cameraMappings) || self.cameraMappings.all(a, self.cameraMappings.all(b, a == b || "
        "self.cameraMappings[a] != self.cameraMappings[b]))",
        "a dataset key serves one camera slot only",
        "'a dataset key serves one camera slot only; given twice: ' + self.cameraMappings[self.cameraMappings.filter(a, "
        "self.cameraMappings.exists(b, a != b && self.cameraMappings[a] == self.cameraMappings[b]))[0]]",
        ".cameraMappings",
    ),
)

_LANGUAGE_ONLY: Final = ("packing", "contextLength", "trainOn", "quantization", "dpo")

METHODS: Final[tuple[Rule, ...]] = (
    Rule(
        f"has(self.model.name) || has(self.model.fromCheckpoint) || (has(self.model.type) && self.model.type in "
        f"{cel_list(SELF_NAMED_TYPES)})",
        "model.name is missing: name a BaseModel, a repository of the Hub or a place (only act, gr00t_n1_5, gr00t_n1_6 and "
        "sarm imply theirs)",
        None,
        ".model.name",
    ),
    Rule(
        "(self.jobType == 'style') || !has(self.style)",
        "style is for jobType style",
        "'style is for jobType style; given: %s'.format([self.jobType])",
        ".style",
    ),
    Rule(
        "!has(self.hyperparameters) || !has(self.hyperparameters.dpo) || self.jobType == 'dpo'",
        "hyperparameters.dpo is for jobType dpo",
        "'hyperparameters.dpo is for jobType dpo; given: %s'.format([self.jobType])",
        ".hyperparameters.dpo",
    ),
    *(
        Rule(
            f"!({_ROBOT}) || !has(self.hyperparameters) || !has(self.hyperparameters.{field})",
            f"{field} is for language models",
            f"'{field} is for language models; given: %s'.format([self.jobType])",
            f".hyperparameters.{field}",
        )
        for field in _LANGUAGE_ONLY
        if field != "dpo"
    ),
    Rule(
        f"({_ROBOT}) || !has(self.hyperparameters) || !has(self.hyperparameters.imageAugmentation)",
        "imageAugmentation is for robot job types",
        "'imageAugmentation is for robot job types (vla, reward, vla_w_reward); given: %s'.format([self.jobType])",
        ".hyperparameters.imageAugmentation",
    ),
    Rule(
        f"!({_ROBOT}) || !has(self.hyperparameters) || !has(self.hyperparameters.lora) || "
        f"!self.hyperparameters.lora.enabled || !has(self.model.type) || self.model.type in "
        f"{cel_list(ADAPTABLE_ROBOT_TYPES)}",
        "this model type has no LoRA: smolvla, pi0, pi05 and xvla do",
        "'model.type %s has no LoRA: smolvla, pi0, pi05 and xvla do; set lora.enabled to false'.format([self.model.type])",
        ".hyperparameters.lora",
    ),
    Rule(
        f"!({_ROBOT}) || !has(self.model.chatTemplate)",
        "chatTemplate is for language models",
        "'chatTemplate is for language models; given: %s'.format([self.jobType])",
        ".model.chatTemplate",
    ),
    Rule(
        f"!({_ROBOT}) || !has(self.evaluation) || !has(self.evaluation.prompts)",
        "prompts are for language models",
        "'prompts are for language models; given: %s'.format([self.jobType])",
        ".evaluation.prompts",
    ),
)

RUNS: Final[tuple[Rule, ...]] = (
    Rule(
        "self.datasets.exists(d, d.split == 'train')",
        "at least one dataset must have split train",
        None,
        ".datasets",
    ),
    Rule(
        "self.nodes == 1 || (has(self.output) && ((has(self.output.uri) && self.output.uri.startsWith('pvc://')) || "
        "(has(self.output.accessModes) && 'ReadWriteMany' in self.output.accessModes)))",
        "several nodes share the checkpoints: give output.accessModes [ReadWriteMany], or a claim that has it in output.uri",
        "'%d nodes share the checkpoints: give output.accessModes [ReadWriteMany], or a claim that has it in "
        "output.uri'.format([self.nodes])",
        ".nodes",
    ),
    Rule(
        "!((has(self.checkpoints) && has(self.checkpoints.keepBest)) || (has(self.output) && has(self.output.select) && "
        "self.output.select == 'best') || (has(self.evaluation) && has(self.evaluation.earlyStopping))) || "
        "(has(self.evaluation) && has(self.evaluation.fraction)) || self.datasets.exists(d, d.split == 'validation')",
        "keepBest, select: best and earlyStopping need something to evaluate on: a dataset with split validation, or "
        "evaluation.fraction",
    ),
)

SPEC_RULES: Final = (*RUNS, *METHODS, *ROBOTS, *CHANGES)

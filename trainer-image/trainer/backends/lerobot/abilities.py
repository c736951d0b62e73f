"""What the trainer of robot policies can do, held against what a run asks for.

Asked first of all, in every stage, and before a byte is fetched: whatever cannot be done is refused with its field, and nothing is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.backbone import check_backbone
from trainer.backends.lerobot.extra import check_extra
from trainer.backends.lerobot.kinds import KINDS
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.backends.lerobot.kinds import Kind
    from trainer.contract.run import Model, Run

JOB_TYPES: Final = ("vla", "reward", "vla_w_reward")
TRACKERS: Final = ("wandb",)
ADVICE: Final = "Change the field, or set spec.image to a trainer image that can do it."
HERE: Final = "spec.hyperparameters"


def check_abilities(run: Run) -> Kind:
    """What is to be trained; UserError for the first thing that is asked for and cannot be done."""
    for refusal in _refusals(run):
        raise refusal
    kind = KINDS[run.model.type]
    check_extra(run.model.type, kind, run.hyperparameters.extra)
    check_backbone(run)
    return kind


def _refusals(run: Run) -> Iterator[UserError]:
    if run.job_type not in JOB_TYPES:
        can = f"for a robot's policy it does {', '.join(JOB_TYPES)}"
        yield refusal("JobTypeUnsupported", "spec.jobType", f"jobType {run.job_type!r}", can)
    yield from _of_model(run)
    yield from _of_hyperparameters(run)
    yield from _of_the_rest(run)


def _of_model(run: Run) -> Iterator[UserError]:
    model = run.model
    if model.type not in KINDS:
        yield refusal(
            "ModelUnsupported", "spec.model.type", f"model type {model.type!r}", f"it trains {', '.join(KINDS)}"
        )
    elif not _has_base(model) and model.from_checkpoint is None and not KINDS[model.type].from_scratch:
        yield UserError(
            "ModelUnsupported",
            f"{model.type} is tuned from a base model, and {model.name} is not mounted",
            param="spec.model.name",
            advice="Name the base model's place in spec.model.uri.",
        )
    if model.type == "sarm" and (_has_base(model) or model.from_checkpoint is not None):
        param, given = (
            ("spec.model.fromCheckpoint", f"fromCheckpoint {model.from_checkpoint.name}")
            if model.from_checkpoint is not None
            else ("spec.model.uri", f"base model {model.name}")
        )
        yield refusal("ModelUnsupported", param, given, "a reward model is trained from scratch")
    if model.trust_remote_code:
        can = "it runs no code of a model's"
        yield refusal("ModelUnsupported", "spec.model.trustRemoteCode", "trustRemoteCode", can)
    if model.chat_template:
        yield refusal("ModelUnsupported", "spec.model.chatTemplate", "chatTemplate", "policies do not chat")


def _of_hyperparameters(run: Run) -> Iterator[UserError]:
    given, kind = run.hyperparameters, KINDS.get(run.model.type)
    code = "HyperparameterUnsupported"
    if given.quantization != "none":
        yield refusal(code, f"{HERE}.quantization", f"quantization {given.quantization!r}", "LeRobot has none")
    asked = {
        "dpo": given.dpo_beta is not None,
        "packing": given.packing,
        "contextLength": given.context_length is not None,
        "trainOn": given.train_on is not None,
    }
    for name, is_asked in asked.items():
        if is_asked:
            yield refusal(code, f"{HERE}.{name}", name, "it is for language models")
    if given.lora.enabled and kind is not None and not kind.adapters:
        can = f"{run.model.type} is trained {'from scratch, ' if kind.from_scratch else ''}all of it"
        yield refusal(code, f"{HERE}.lora.enabled", "lora", can)
    if given.lora.enabled and given.lora.dropout:
        yield refusal(code, f"{HERE}.lora.dropout", f"lora.dropout {given.lora.dropout:g}", "LeRobot's LoRA has none")
    if run.model.type == "sarm" and given.precision == "bf16":
        yield refusal(code, f"{HERE}.precision", "precision 'bf16'", "LeRobot trains reward models in fp32")
    if run.model.type == "wall_oss" and given.precision == "fp32":
        yield refusal(code, f"{HERE}.precision", "precision 'fp32'", "LeRobot trains wall_oss in bf16")
    if run.model.type == "wall_oss" and given.extra.get("prediction_mode", "diffusion") != "diffusion":
        can = "it does 'diffusion': for 'fast' LeRobot would run the code of a tokenizer on the Hub"
        yield refusal(code, f"{HERE}.extra.prediction_mode", f"prediction_mode '{given.extra['prediction_mode']}'", can)


def _of_the_rest(run: Run) -> Iterator[UserError]:
    if run.style is not None:
        yield refusal("RunInvalid", "spec.style", "style", "it is for jobType style")
    if run.evaluation.prompts:
        can = "a policy answers no prompts; it measures the loss on episodes that it does not train on"
        yield refusal("HyperparameterUnsupported", "spec.evaluation.prompts", "evaluation.prompts", can)
    for each in run.integrations:
        if each.type not in TRACKERS:
            can = f"LeRobot reports to {', '.join(TRACKERS)}; metrics.jsonl in the output has every step"
            yield refusal("IntegrationUnsupported", each.place, each.type, can)
    evaluates = run.evaluation.fraction is not None or any(each.split == "validation" for each in run.datasets)
    needs = {
        "spec.output.select": run.output.select == "best",
        "spec.checkpoints.keepBest": run.checkpoints.keep_best > 0,
        "spec.evaluation.earlyStopping": run.evaluation.patience is not None,
    }
    for param, asked in needs.items():
        if asked and not evaluates:
            yield UserError(
                "HyperparameterUnsupported",
                f"{param.removeprefix('spec.')} goes by the evaluation, and nothing is evaluated",
                param=param,
                advice="Add a dataset with split validation, or set evaluation.fraction.",
            )


def _has_base(model: Model) -> bool:
    """Whether there is a base model: mounted, fetched, or to be fetched."""
    return model.path is not None or bool(model.uri)


def refusal(code: str, param: str, given: str, can: str) -> UserError:
    """What cannot be done, and what can."""
    return UserError(
        code, f"this trainer image cannot do what is asked for: {given}; {can}", param=param, advice=ADVICE
    )

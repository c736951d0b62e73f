"""What this family of trainers can do, held against what a run asks for.

Asked first of all, in both stages: whatever cannot be done is refused with its field, and nothing is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.backends.trl.extra import extra_settings
from trainer.backends.trl.trackers import check_trackers
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.contract.run import Run
    from trainer.contract.sources import Dataset

ADVICE: Final = "Change the field, or set spec.image to a trainer image that can do it."


def check_abilities(run: Run) -> None:
    """UserError for the first thing that is asked for and cannot be done."""
    for refusal in _refusals(run):
        raise refusal
    extra_settings(run.hyperparameters.extra)
    check_trackers(run.integrations)


def check_dataset(run: Run, dataset: Dataset) -> None:
    """UserError for what cannot be done with a dataset alone."""
    for refusal in _of_dataset(run, dataset):
        raise refusal


def _refusals(run: Run) -> Iterator[UserError]:
    if run.job_type != "sft":
        yield _refusal("JobTypeUnsupported", "spec.jobType", f"jobType {run.job_type!r}", "it does sft")
    yield from _of_model(run)
    for dataset in run.datasets:
        yield from _of_dataset(run, dataset)
    yield from _of_hyperparameters(run)
    yield from _of_the_rest(run)


def _of_model(run: Run) -> Iterator[UserError]:
    model = run.model
    if model.type != "causal_lm":
        yield _refusal("ModelUnsupported", "spec.model.type", f"model type {model.type!r}", "it trains causal_lm")


def _of_dataset(run: Run, dataset: Dataset) -> Iterator[UserError]:
    code = "DatasetUnsupported"
    if dataset.format not in {"auto", "chat"}:
        yield _refusal(
            code, f"{dataset.place}.format", f"format {dataset.format!r}", "it reads chat: JSON Lines of messages"
        )
    if dataset.episodes:
        yield _refusal(code, f"{dataset.place}.episodes", "a choice of episodes", "episodes are for robots")
    weights = {other.weight for other in run.datasets if other.split == dataset.split}
    if len(weights) > 1:
        given = f"mixing datasets by the weights {', '.join(f'{weight:g}' for weight in sorted(weights))}"
        yield _refusal(code, f"{dataset.place}.weight", given, "it sees every row once in each epoch")


def _of_hyperparameters(run: Run) -> Iterator[UserError]:
    given, param = run.hyperparameters, "spec.hyperparameters"
    code = "HyperparameterUnsupported"
    if given.quantization != "none":
        can = "it has no bitsandbytes, and keeps frozen weights in bf16 on GPUs"
        yield _refusal(code, f"{param}.quantization", f"quantization {given.quantization!r}", can)
    if given.dpo_beta is not None:
        yield _refusal(code, f"{param}.dpo", "dpo", "dpo is for jobType dpo")
    if given.image_augmentation:
        yield _refusal(code, f"{param}.imageAugmentation", "imageAugmentation", "it is for robots")


def _of_the_rest(run: Run) -> Iterator[UserError]:
    evaluates = run.evaluation.fraction is not None or any(each.split == "validation" for each in run.datasets)
    robots = {"spec.cameraMappings": bool(run.cameras), "spec.reward": run.reward is not None}
    for param, asked in robots.items():
        if asked:
            yield _refusal("RunInvalid", param, param.rpartition(".")[2], "it is for robots")
    if run.style is not None:
        yield _refusal("RunInvalid", "spec.style", "style", "it is for jobType style")
    if run.evaluation.prompts:
        can = "it measures the loss; after the training `python -m trainer.ask` answers prompts"
        yield _refusal("HyperparameterUnsupported", "spec.evaluation.prompts", "answering prompts at evaluations", can)
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


def _refusal(code: str, param: str, given: str, can: str) -> UserError:
    return UserError(
        code, f"this trainer image cannot do what is asked for: {given}; {can}", param=param, advice=ADVICE
    )

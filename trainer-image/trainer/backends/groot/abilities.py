"""What the images of GR00T can do, held against what a run asks for: the rest is refused with its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.backends.groot.extra import tuned_parts
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.contract.run import Run
    from trainer.contract.sources import ModelType

TYPES: Final[tuple[ModelType, ...]] = ("gr00t_n1_5", "gr00t_n1_6")
DEFAULT_NORM: Final = 1.0
"""The bound of gradients that N1.6's launcher has, and offers no way to change."""
ADVICE: Final = (
    "Change the field, or choose another model: kubectl get basemodels. docs/groot.md says what GR00T can do."
)


def check_abilities(run: Run) -> None:
    """UserError for the first thing that is asked for and cannot be done."""
    if run.model.type not in TYPES:
        raise UserError("ModelUnsupported", f"this image trains {' and '.join(TYPES)}", param="spec.model.type")
    for param, asked, can in _limits(run):
        if asked:
            raise UserError(
                "HyperparameterUnsupported",
                f"GR00T cannot be trained so: {can}",
                param=param,
                advice=ADVICE,
            )
    tuned_parts(run.hyperparameters.extra)


def _limits(run: Run) -> Iterator[tuple[str, bool, str]]:
    """Field, whether it asks for what cannot be done, and what can be done instead."""
    given, param = run.hyperparameters, "spec.hyperparameters"
    newer = run.model.type == "gr00t_n1_6"
    yield "spec.jobType", run.job_type != "vla", "its jobType is vla"
    yield "spec.model.fromCheckpoint", run.model.from_checkpoint is not None, "it starts from the base model"
    yield f"{param}.lora.enabled", given.lora.enabled, "it trains the weights themselves; extra.tune… says which"
    yield f"{param}.precision", given.precision == "fp32", "its trainers compute in bf16"
    yield f"{param}.quantization", given.quantization != "none", "its weights are not quantized"
    yield "spec.reward", run.reward is not None and run.reward.use_rabc, "it cannot weight rows by a reward"
    yield "spec.evaluation", run.evaluation.every_steps is not None, "its trainers measure nothing on the way"
    yield "spec.nodes", run.hardware.nodes > 1, "its trainers are started on one node"
    clips = newer and given.max_grad_norm != DEFAULT_NORM
    yield f"{param}.maxGradNorm", clips, f"N1.6 bounds gradients at {DEFAULT_NORM:g}"
    yield "spec.output.merge", run.output.merge == "merged", "there is no adapter to merge"
    yield "spec.output.select", run.output.select == "best", "nothing is measured that one could choose by"
    for each in run.integrations:
        yield each.place, True, "its progress is told by the operator alone"

"""Trackers: Weights & Biases, MLflow and TensorBoard, as far as their packages are in the image.

transformers brings the reporting; it is told by environment variables. A tracker's run is named by the job's uid, so
that all attempts of a run are one, and each run of the job is another.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.run import Run
    from trainer.contract.surroundings import Integration, Tracker

PACKAGES: Final[Mapping[Tracker, str]] = {"wandb": "wandb", "mlflow": "mlflow", "tensorboard": "tensorboard"}


def check_trackers(integrations: Sequence[Integration]) -> None:
    """UserError (IntegrationUnsupported) for the first tracker whose package is not in this image."""
    installed = [tracker for tracker, package in PACKAGES.items() if find_spec(package)]
    for each in integrations:
        if each.type not in installed:
            raise UserError(
                "IntegrationUnsupported",
                f"the package of {each.type} is not in this trainer image; it has those of {', '.join(installed) or 'no tracker'}",
                param=each.place,
                advice="Leave the integration out (metrics.jsonl in the output has every step), or set spec.image to a"
                " trainer image with the package.",
            )


def tracker_environment(run: Run) -> dict[str, str]:
    """The variables by which transformers' reporting finds project and run. Keys and tokens are there already."""
    variables: dict[str, str] = {}
    for each in run.integrations:
        if each.type == "wandb":
            named = {
                "WANDB_PROJECT": each.project,
                "WANDB_ENTITY": each.entity,
                "WANDB_NAME": each.run_name or run.job.name,
                "WANDB_TAGS": ",".join(dict.fromkeys((*each.tags, *run.tags))),
            }
            variables |= {name: text for name, text in named.items() if text}
            name = f"{run.job.uid}-{run.number}" if run.number else run.job.uid
            variables |= {"WANDB_RUN_ID": name, "WANDB_RESUME": "allow", "WANDB_LOG_MODEL": "false"}
        elif each.type == "mlflow":
            variables |= {"MLFLOW_TRACKING_URI": each.tracking_uri, "MLFLOW_EXPERIMENT_NAME": each.experiment}
        else:
            variables |= {"TENSORBOARD_LOGGING_DIR": str(run.workspace / "tensorboard")}
    return variables

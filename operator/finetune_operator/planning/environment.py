"""The environment of a trainer: what the contract names, and nothing by value that is a secret."""

from __future__ import annotations

from typing import Final

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.places import RUN_FOLDER, SCRATCH, TOKEN_FOLDER
from finetune_operator.planning.run_config import Run
from finetune_operator.planning.secrets import secret_variables

MASTER_PORT: Final = 29500
"""Where the first node listens for the others."""


def environment(run: Run, progress_url: str | None) -> list[Json]:
    """The variables of one attempt's container. ``progress_url``: where it reports, if it does."""
    plain = {"HOME": SCRATCH, "PYTHONUNBUFFERED": "1"}
    if progress_url is not None:
        plain |= _progress(progress_url)
    if run.several:
        plain |= _rendezvous(run)
    return [*({"name": name, "value": value} for name, value in plain.items()), *secret_variables(run)]


def _progress(url: str) -> dict[str, str]:
    """Kubeflow's names for the progress endpoint, so that any Hugging Face Trainer image reports without code."""
    return {
        "KUBEFLOW_TRAINER_SERVER_URL": url,
        "KUBEFLOW_TRAINER_SERVER_CA_CERT": f"{RUN_FOLDER}/progress-ca.crt",
        "KUBEFLOW_TRAINER_SERVER_TOKEN": f"{TOKEN_FOLDER}/token",
    }


def _rendezvous(run: Run) -> dict[str, str]:
    """Where all pods meet: the first one, by the name that the headless Service gives it."""
    job = run.job
    service = names.stage_job_name(job.name, job.uid, run.stage, run.attempt)
    return {"MASTER_ADDR": f"{service}-0.{service}.{job.namespace}.svc", "MASTER_PORT": str(MASTER_PORT)}

"""The run document's part on how it is trained and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finetune_operator.api.finetunejob import Checkpoints, Integration, Output, Style
from finetune_operator.api.finetunejob.words import ROBOT_JOB_TYPES
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved, ResolvedHyperparameters
from finetune_operator.planning.job import Job

SECONDS_PER_MINUTE: Final = 60
CONTRACT_DEFAULTS: Final[Mapping[str, object]] = {
    "warmupRatio": 0.03,
    "weightDecay": 0,
    "maxGradNorm": 1,
    "packing": False,
    "precision": "auto",
    "quantization": "none",
    "imageAugmentation": False,
    "extra": {},
}
"""What absence means in the contract. Left out, so that an image is asked only for what it must be able to do."""
SAID_OF_ROBOTS: Final = frozenset({"warmupRatio", "weightDecay", "maxGradNorm"})
"""Of robots absence means the preset of the policy, which need not be what the status says: always said."""


def setting_sections(job: Job, resolved: Resolved) -> Json:
    """``hyperparameters`` and ``checkpoints``, and what of the rest was asked for."""
    spec = job.spec
    sections: Json = {
        "hyperparameters": _hyperparameters(resolved.hyperparameters, _said_anyway(job)),
        "checkpoints": _checkpoints(spec.checkpoints or Checkpoints()),
        "style": (spec.style or Style()).wire() if spec.job_type == "style" else {},
        "evaluation": spec.evaluation.wire() if spec.evaluation else {},
        "output": _output(job, resolved),
        "integrations": [_integration(each) for each in spec.integrations or ()],
        "tags": list(spec.tags or ()),
    }
    return {name: section for name, section in sections.items() if section}


def _said_anyway(job: Job) -> frozenset[str]:
    return SAID_OF_ROBOTS if job.spec.job_type in ROBOT_JOB_TYPES else frozenset()


def _hyperparameters(resolved: ResolvedHyperparameters, said_anyway: frozenset[str]) -> Json:
    wire = resolved.wire()
    beta = wire.pop("dpoBeta", None)
    if not resolved.lora.enabled:
        wire["lora"] = {"enabled": False}
    document = {
        name: value for name, value in wire.items() if name in said_anyway or CONTRACT_DEFAULTS.get(name) != value
    }
    return document | ({"dpo": {"beta": beta}} if beta is not None else {})


def _checkpoints(given: Checkpoints) -> Json:
    wire = given.wire()
    minutes = wire.pop("everyMinutes")
    return {"everySeconds": minutes * SECONDS_PER_MINUTE, **wire}


def _output(job: Job, resolved: Resolved) -> Json:
    """What is published, and where if that is not the workspace."""
    output = job.spec.output or Output()
    published = output.uri is not None and not output.uri.startswith("pvc://")
    named = published or output.model_name or output.suffix
    document = {
        "uri": output.uri if published else None,
        "modelName": _model_name(output, job, resolved) if named else None,
        "merge": output.merge,
        "select": output.select,
    }
    return {name: value for name, value in document.items() if value is not None}


def _model_name(output: Output, job: Job, resolved: Resolved) -> str:
    """The name that was given, else the base model's and the job's; then the suffix."""
    base = resolved.model.name.rstrip("/").rpartition("/")[2] if resolved.model else ""
    name = output.model_name or "-".join(filter(None, (base, job.name)))
    return f"{name}-{output.suffix}" if output.suffix else name


def _integration(given: Integration) -> Json:
    """Without what opens it: that comes from Secrets."""
    document: Json = {"type": given.type}
    if given.wandb:
        document["wandb"] = {k: v for k, v in given.wandb.wire().items() if k != "apiKeySecretRef"}
    if given.mlflow:
        document["mlflow"] = {k: v for k, v in given.mlflow.wire().items() if k != "secretRef"}
    return document

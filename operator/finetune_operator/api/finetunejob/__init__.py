"""``FineTuneJob.spec``, part by part: a module for each group of fields, the rules between them in ``rules``."""

from __future__ import annotations

from finetune_operator.api.finetunejob.datasets import Dataset, DatasetRef
from finetune_operator.api.finetunejob.hyperparameters import LARGEST_BATCH, Dpo, Hyperparameters, Lora
from finetune_operator.api.finetunejob.model import CheckpointSource, Model
from finetune_operator.api.finetunejob.output import Cache, Output
from finetune_operator.api.finetunejob.pods import PodTemplate
from finetune_operator.api.finetunejob.spec import MOST_HOURS, FineTuneJobSpec
from finetune_operator.api.finetunejob.training import (
    Checkpoints,
    Evaluation,
    Integration,
    Mlflow,
    Reward,
    Style,
    Wandb,
)

__all__ = [
    "LARGEST_BATCH",
    "MOST_HOURS",
    "Cache",
    "CheckpointSource",
    "Checkpoints",
    "Dataset",
    "DatasetRef",
    "Dpo",
    "Evaluation",
    "FineTuneJobSpec",
    "Hyperparameters",
    "Integration",
    "Lora",
    "Mlflow",
    "Model",
    "Output",
    "PodTemplate",
    "Reward",
    "Style",
    "Wandb",
]

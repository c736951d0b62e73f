"""What is to be trained, whatever it runs on: what the sizes of one training are reckoned from for each hardware in turn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from finetune_operator.api.basemodel import BaseModelSpec, Family
from finetune_operator.api.finetunejob import LARGEST_BATCH
from finetune_operator.api.finetunejob.words import JobType, ModelType
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.resolved import ResolvedHyperparameters, ResolvedModel
from finetune_operator.planning.resolving.by_data import multiple
from finetune_operator.planning.sizing.training import Training


@dataclass(frozen=True)
class Subject:
    """A training without its hardware. ``longest_row_tokens`` is None until prepare has reported it."""

    job_type: JobType
    model: ResolvedModel
    hyperparameters: ResolvedHyperparameters
    nodes: int = 1
    longest_row_tokens: int | None = None

    @cached_property
    def facts(self) -> BaseModelSpec:
        """What was recorded of the model, as an entry of the catalog."""
        model = self.model
        return BaseModelSpec(
            type=cast("ModelType", model.type),
            family=cast("Family", model.family),
            parameters=model.parameters,
            active_parameters=model.active_parameters,
            max_sequence_length=model.max_sequence_length,
            architecture=model.architecture,
            memory=model.memory,
        )

    @property
    def robot(self) -> bool:
        """Whether a robot policy is trained."""
        return self.model.family != "trl"

    @property
    def open_length(self) -> bool:
        """Whether only the data know how long rows are: nothing was given, rows are not packed, nothing is reported."""
        given = self.hyperparameters
        unknown = given.context_length is None and self.longest_row_tokens is None
        return unknown and not given.packing and not self.robot

    def on(self, instance: InstanceTypeSpec) -> Training:
        """The training on that hardware, its batch as the GPUs can share it."""
        return Training(
            model=self.facts,
            job_type=self.job_type,
            hyperparameters=self._shared(world_size(self.nodes, instance)),
            instance_type=instance,
            nodes=self.nodes,
            longest_row_tokens=self.longest_row_tokens,
        )

    def _shared(self, world: int) -> ResolvedHyperparameters:
        batch = self.hyperparameters.batch_size
        if batch is None or batch % world == 0:
            return self.hyperparameters
        return self.hyperparameters.model_copy(update={"batch_size": multiple(batch, world, most_rows(self.model))})


def most_rows(model: ResolvedModel) -> int:
    """The largest batch that is allowed."""
    return min(LARGEST_BATCH, (model.limits.batch_size if model.limits else None) or LARGEST_BATCH)


def world_size(nodes: int, instance: InstanceTypeSpec) -> int:
    """Processes that share a batch: one for each GPU, or one for each node on CPU."""
    return nodes * (instance.gpu.count if instance.gpu else 1)

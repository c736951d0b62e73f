"""What is to be trained, whatever it runs on: what the sizes of one training are reckoned from for each hardware in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from finetune_operator.api.basemodel import BaseModelSpec, Family
from finetune_operator.api.finetunejob import LARGEST_BATCH
from finetune_operator.api.finetunejob.words import JobType, ModelType
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.status import Resolved, ResolvedHyperparameters, ResolvedModel
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

    @property
    def robot(self) -> bool:
        """Whether a robot policy is trained."""
        return self.model.family != "trl"

    @property
    def most_rows(self) -> int:
        """The largest batch that is allowed."""
        limits = self.model.limits
        return min(LARGEST_BATCH, (limits.batch_size if limits else None) or LARGEST_BATCH)

    @property
    def open_length(self) -> bool:
        """Whether only the data know how long rows are: nothing was given, rows are not packed, nothing is reported."""
        given = self.hyperparameters
        unknown = given.context_length is None and self.longest_row_tokens is None
        return unknown and not given.packing and not self.robot

    def on(self, instance: InstanceTypeSpec) -> Training:
        """The training on that hardware, its batch as the GPUs can share it."""
        return Training(
            model=_facts(self.model),
            job_type=self.job_type,
            hyperparameters=self._shared(world_size(self.nodes, instance)),
            instance_type=instance,
            nodes=self.nodes,
            longest_row_tokens=self.longest_row_tokens,
        )

    def with_values(self, values: ResolvedHyperparameters) -> Subject:
        """The same training with other values."""
        return replace(self, hyperparameters=values)

    def _shared(self, world: int) -> ResolvedHyperparameters:
        batch = self.hyperparameters.batch_size
        if batch is None or batch % world == 0:
            return self.hyperparameters
        return self.hyperparameters.model_copy(update={"batch_size": multiple(batch, world, self.most_rows)})


def subject_of(job_type: JobType, resolved: Resolved, model: ResolvedModel, longest_row_tokens: int | None) -> Subject:
    """The training of a job that was accepted, from what was recorded of it alone."""
    return Subject(job_type, model, resolved.hyperparameters, resolved.nodes, longest_row_tokens)


def world_size(nodes: int, instance: InstanceTypeSpec) -> int:
    """Processes that share a batch: one for each GPU, or one for each node on CPU."""
    return nodes * (instance.gpu.count if instance.gpu else 1)


def _facts(model: ResolvedModel) -> BaseModelSpec:
    """What was recorded, as an entry of the catalog: it was checked when the catalog was read."""
    return BaseModelSpec.model_construct(
        type=cast("ModelType", model.type),
        family=cast("Family", model.family),
        parameters=model.parameters,
        active_parameters=model.active_parameters,
        max_sequence_length=model.max_sequence_length,
        architecture=model.architecture,
        memory=model.memory,
    )

"""What is to be sized: a model, how it is trained, and on what."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_operator.api.basemodel import BaseModelSpec
from finetune_operator.api.finetunejob.words import JobType
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.resolved import ResolvedHyperparameters
from finetune_operator.planning.quantity import byte_count


@dataclass(frozen=True)
class Training:
    """One training, before it starts: everything that its memory and its time are reckoned from.

    ``hyperparameters.batch_size`` may be missing while it depends on the data: the smallest possible batch is assumed
    then. ``longest_row_tokens`` is what the preflight reported; rows are taken to be as long as allowed without it.
    """

    model: BaseModelSpec
    job_type: JobType
    hyperparameters: ResolvedHyperparameters
    instance_type: InstanceTypeSpec
    nodes: int = 1
    longest_row_tokens: int | None = None

    @property
    def gpus(self) -> int:
        """GPUs over all nodes; 0 on CPU."""
        return self.nodes * (self.instance_type.gpu.count if self.instance_type.gpu else 0)

    @property
    def gpu_bytes(self) -> int | None:
        """Memory of one GPU; None on CPU, and where the catalog does not say."""
        memory = self.instance_type.gpu.memory if self.instance_type.gpu else None
        return byte_count(memory) if memory else None

    @property
    def rows_per_gpu(self) -> int:
        """Rows of the global batch that fall to one process, however they are accumulated."""
        return max(1, (self.hyperparameters.batch_size or 1) // max(1, self.gpus))

"""Trainings to be sized: catalog entries, hardware and hyperparameters as tests need them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from finetune_operator.api.basemodel import Architecture, BaseModelSpec, MeasuredMemory, ModelSource
from finetune_operator.api.finetunejob.words import JobType
from finetune_operator.api.instancetype import Gpu, InstanceTypeSpec
from finetune_operator.api.resolved import ResolvedHyperparameters, ResolvedLora
from finetune_operator.planning.sizing.training import Training

SOURCE = ModelSource(uri="hf://organisation/name")
LLAMA_8B = BaseModelSpec(
    type="causal_lm",
    family="trl",
    source=SOURCE,
    parameters=8_030_261_248,
    max_sequence_length=131_072,
    architecture=Architecture(
        layers=32,
        hidden_size=4096,
        intermediate_size=14336,
        attention_heads=32,
        key_value_heads=8,
        vocabulary_size=128256,
    ),
)
LLAMA_70B = BaseModelSpec(
    type="causal_lm",
    family="trl",
    source=SOURCE,
    parameters=70_553_706_496,
    max_sequence_length=131_072,
    architecture=Architecture(
        layers=80,
        hidden_size=8192,
        intermediate_size=28672,
        attention_heads=64,
        key_value_heads=8,
        vocabulary_size=128256,
    ),
)
SMOLVLA = BaseModelSpec(
    type="smolvla",
    family="lerobot",
    source=SOURCE,
    parameters=450_000_000,
    memory=MeasuredMemory(fixed="6Gi", per_row="1Gi", source="a guide"),
)


def hardware(memory: str | None = "80Gi", gpus: int = 1, **fields: Any) -> InstanceTypeSpec:
    """GPUs of an H100's speed."""
    gpu = Gpu(count=gpus, memory=memory, peak_tflops=989)
    return InstanceTypeSpec(gpu=gpu, cpu="8", memory="64Gi", **{"price_per_hour": 4.0, "currency": "USD", **fields})


CPU_ONLY = InstanceTypeSpec(cpu="8", memory="64Gi")


def hyperparameters(*, lora: bool = True, rank: int = 16, **fields: Any) -> ResolvedHyperparameters:
    """LoRA over three epochs in batches of 16, unless told otherwise."""
    return ResolvedHyperparameters(
        **{
            "epochs": 3.0,
            "batch_size": 16,
            "learning_rate": 1e-4,
            "seed": 1,
            "lora": ResolvedLora(enabled=lora, rank=rank, alpha=32, dropout=0),
            **fields,
        }
    )


def training(model: BaseModelSpec = LLAMA_8B, given: ResolvedHyperparameters | None = None, **changes: Any) -> Training:
    """A training on one GPU with 80 GiB; ``changes`` are of the value itself."""
    job_type: JobType = "vla" if model.family == "lerobot" else "sft"
    return replace(Training(model, job_type, given or hyperparameters(), hardware()), **changes)

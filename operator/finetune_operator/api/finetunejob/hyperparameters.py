"""``spec.hyperparameters``: how it is trained."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from finetune_operator.api.model import ApiModel, Rule

LARGEST_BATCH = 512
FreeForm = Annotated[
    dict[str, Any], Field(max_length=64, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})
]
"""Keys that only a trainer knows; it refuses those that it does not and says which it does."""


class Lora(ApiModel):
    """Low-rank adaptation: trains small matrices beside the frozen weights."""

    enabled: bool = True
    """False trains every weight."""
    rank: Annotated[int, Field(ge=1, le=512)] | None = None
    """Rank of the matrices; 16 when absent."""
    alpha: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Scale of the update; twice the rank when absent."""
    dropout: Annotated[float, Field(ge=0, le=1)] | None = None
    """Dropout on the adapter's input; 0 when absent."""
    target_modules: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=64)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """Names of the modules that get an adapter; every linear layer when absent."""


class Dpo(ApiModel):
    """Direct preference optimization."""

    beta: Annotated[float, Field(gt=0, le=10)] | None = None
    """How strongly the model is held to its reference; 0.1 when absent."""


class Hyperparameters(ApiModel):
    """How to train. What is absent is chosen by a documented rule and recorded, with the rule, in status.resolved."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!(has(self.epochs) && has(self.steps))",
            "give epochs or steps, not both",
            "'give epochs or steps, not both; given: epochs %s and steps %d'.format([self.epochs, self.steps])",
        ),
        Rule(
            "!(has(self.warmupRatio) && has(self.warmupSteps))",
            "give warmupRatio or warmupSteps, not both",
            "'give warmupRatio or warmupSteps, not both; given: warmupRatio %s and warmupSteps %d'.format("
            "[self.warmupRatio, self.warmupSteps])",
        ),
        Rule(
            "!has(self.quantization) || self.quantization == 'none' || !has(self.lora) || self.lora.enabled",
            "quantization nf4 freezes the weights: it needs lora, and lora.enabled is false",
            None,
            ".quantization",
        ),
    )

    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Passes over the training data; chosen by the number of rows when neither epochs nor steps is given."""
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Optimizer steps, instead of epochs."""
    batch_size: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] | None = None
    """Rows per optimizer step over all GPUs and accumulation; chosen by the number of rows when absent."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    """Peak learning rate; by method and model when absent: 2e-4 with LoRA and 2e-5 without for sft."""
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    """Part of the steps in which the learning rate rises to its peak; 0.03 when neither it nor warmupSteps is given."""
    warmup_steps: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    """Steps in which the learning rate rises to its peak, instead of warmupRatio."""
    weight_decay: Annotated[float, Field(ge=0, le=10)] | None = None
    """How strongly weights are pulled to zero; 0 when absent."""
    max_grad_norm: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """Gradients longer than this are shortened to it; 1 when absent, 0 leaves them as they are."""
    context_length: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Language models: tokens of a row that are trained on; longer rows are cut off at the end. What the model can, at
    most 4096, when absent."""
    packing: bool | None = None
    """Language models: put several short rows into one sequence; false when absent."""
    seed: Annotated[int, Field(ge=0, le=4_294_967_295)] | None = None
    """Seed of data order and initialisation; 42 when absent."""
    precision: Literal["auto", "bf16", "fp32"] | None = None
    """Numbers that are computed with; auto is bf16 on GPUs and fp32 on CPU."""
    lora: Lora | None = None
    """Low-rank adaptation; on for language models and off for robot policies when absent."""
    quantization: Literal["none", "nf4"] | None = None
    """nf4 keeps the frozen weights in 4 bits (QLoRA); none when absent."""
    dpo: Dpo | None = None
    """Direct preference optimization: job type dpo."""
    train_on: Literal["assistant", "completion", "all"] | None = None
    """Language models: which tokens count in the loss. assistant for chat, completion for pairs, when absent."""
    image_augmentation: bool | None = None
    """Robots: vary brightness, colour and sharpness of the pictures; false when absent."""
    extra: FreeForm | None = None
    """Further settings, handed to the trainer as they are; it refuses keys that it does not know."""

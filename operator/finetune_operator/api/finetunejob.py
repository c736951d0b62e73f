"""``FineTuneJob.spec``: what a user asks for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.model import ApiModel, Name, Quantity, Rule

MOST_HOURS = 168
"""The longest budget, a week; also the budget of a job that names none."""


class Model(ApiModel):
    """The model to tune."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.name.matches('{uris.PVC_PATTERN}')",
            "model.name must be pvc://CLAIM/PATH: a folder in the Hugging Face layout on a PersistentVolumeClaim",
            "'model.name must be pvc://CLAIM/PATH, a folder in the Hugging Face layout; given: %s'.format([self.name])",
            ".name",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=512)]
    """Where the model lies: pvc://CLAIM/PATH, a folder in the Hugging Face layout (config.json, weights, tokenizer)."""


class Dataset(ApiModel):
    """One dataset: chat rows as JSON lines, each {"messages": [{"role": …, "content": …}, …]}."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.uri.matches('{uris.DATASET_PATTERN}')",
            "uri must be pvc://CLAIM/PATH or configmap://NAME/KEY",
            "'uri must be pvc://CLAIM/PATH or configmap://NAME/KEY; given: %s'.format([self.uri])",
            ".uri",
        ),
    )

    name: Name
    """The dataset's name within the job."""
    split: Literal["train", "validation"] = "train"
    """What it is used for."""
    uri: Annotated[str, Field(min_length=1, max_length=512)]
    """Where it lies: pvc://CLAIM/PATH (a .jsonl file or a folder of them) or configmap://NAME/KEY."""


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


class Hyperparameters(ApiModel):
    """How to train. What is absent is chosen by the operator and recorded in status.resolved."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!(has(self.epochs) && has(self.steps))",
            "give epochs or steps, not both",
            "'give epochs or steps, not both; given: epochs %s and steps %d'.format([self.epochs, self.steps])",
        ),
    )

    epochs: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Passes over the training data; 3 when neither epochs nor steps is given."""
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Optimizer steps, instead of epochs."""
    batch_size: Annotated[int, Field(ge=1, le=512)] | None = None
    """Rows per optimizer step over all GPUs and accumulation; a multiple of the GPUs, at least 8, when absent."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    """Peak learning rate; 2e-4 with LoRA and 2e-5 without when absent."""
    context_length: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Tokens of a row that are trained on; longer rows are cut off at the end. What the model can, at most 4096, when
    absent."""
    lora: Lora | None = None
    """Low-rank adaptation, on when absent."""
    seed: Annotated[int, Field(ge=0, le=4_294_967_295)] | None = None
    """Seed of data order and initialisation; 42 when absent."""


class Output(ApiModel):
    """Where checkpoints and the finished model are kept."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.uri) || (!has(self.storageSize) && !has(self.storageClassName))",
            "storageSize and storageClassName are for a claim of the job's own; uri names one that exists",
        ),
        Rule(
            f"!has(self.uri) || self.uri.matches('{uris.PVC_PATTERN}')",
            "output.uri must be pvc://CLAIM or pvc://CLAIM/PATH",
            "'output.uri must be pvc://CLAIM or pvc://CLAIM/PATH; given: %s'.format([self.uri])",
            ".uri",
        ),
    )

    uri: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """An existing claim: pvc://CLAIM/PATH. Absent: the job gets a PersistentVolumeClaim of its own."""
    storage_size: Quantity | None = None
    """Size of the job's own claim; 10Gi when absent."""
    storage_class_name: Annotated[str, Field(max_length=253)] | None = None
    """StorageClass of the job's own claim; the cluster's default when absent."""
    retain: bool = True
    """Keep the job's own claim when the job is deleted. False deletes the model with the job."""


class FineTuneJobSpec(ApiModel):
    """One fine-tuning run: model, data, hyperparameters, hardware and hours."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.datasets.exists(d, d.split == 'train')",
            "at least one dataset must have split train",
            None,
            ".datasets",
        ),
        Rule("self.jobType == oldSelf.jobType", "jobType is immutable: make a new job", None, ".jobType"),
        Rule("self.model == oldSelf.model", "model is immutable: make a new job", None, ".model"),
        Rule("self.datasets == oldSelf.datasets", "datasets are immutable: make a new job", None, ".datasets"),
        Rule(
            "self.instanceType == oldSelf.instanceType",
            "instanceType is immutable: make a new job",
            None,
            ".instanceType",
        ),
        Rule(
            "has(self.hyperparameters) == has(oldSelf.hyperparameters) && "
            "(!has(self.hyperparameters) || self.hyperparameters == oldSelf.hyperparameters)",
            "hyperparameters are immutable: make a new job",
            None,
            ".hyperparameters",
        ),
        Rule(
            "has(self.output) == has(oldSelf.output) && (!has(self.output) || self.output == oldSelf.output)",
            "output is immutable: make a new job",
            None,
            ".output",
        ),
        Rule(
            "(has(self.hours) ? self.hours : 168.0) >= (has(oldSelf.hours) ? oldSelf.hours : 168.0)",
            "hours may only grow (a job that names none has 168)",
            "'hours may only grow: was %s, given %s (a job that names none has 168)'.format(["
            "has(oldSelf.hours) ? oldSelf.hours : 168.0, has(self.hours) ? self.hours : 168.0])",
            ".hours",
        ),
    )

    job_type: Literal["sft"]
    """What is done: sft is supervised fine-tuning of a language model."""
    model: Model
    """The model to tune."""
    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1, max_length=16)] = Field(
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "split"]}
    )
    """What it is tuned on."""
    hyperparameters: Hyperparameters | None = None
    """How it is trained; every one has a default."""
    instance_type: Name
    """The hardware, by the name of an InstanceType: kubectl get instancetypes."""
    hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] | None = None
    """Training time over all attempts; waiting, pulling and loading do not count. When it is used up the job publishes
    what it has and succeeds. 168 when absent. May grow while the job runs."""
    output: Output | None = None
    """Where checkpoints and the finished model are kept."""
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """Retries of failures that may be worth one. Nodes that fail and wrong data do not count: the former are always
    retried, the latter never."""

"""``FineTuneJob.spec``: what a user asks for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_operator.api.finetunejob import forms
from finetune_operator.api.finetunejob.datasets import Dataset
from finetune_operator.api.finetunejob.hyperparameters import Hyperparameters
from finetune_operator.api.finetunejob.model import Model
from finetune_operator.api.finetunejob.output import Cache, Output
from finetune_operator.api.finetunejob.pods import PodTemplate
from finetune_operator.api.finetunejob.rules import SPEC_RULES
from finetune_operator.api.finetunejob.secret_names import PLAIN_METADATA
from finetune_operator.api.finetunejob.training import Checkpoints, Evaluation, ImageKey, Integration, Reward, Style
from finetune_operator.api.finetunejob.words import JobType
from finetune_operator.api.model import ApiModel, Name, Rule

MOST_HOURS = 168
"""The longest budget, a week; also the budget of a job that names none."""

Tag = Annotated[str, Field(min_length=1, max_length=64)]
Seconds = Annotated[int, Field(ge=1, le=604_800)]


class FineTuneJobSpec(ApiModel):
    """One fine-tuning run: model, data, camera mappings, hyperparameters, hardware and hours."""

    rules: ClassVar[tuple[Rule, ...]] = (*SPEC_RULES, PLAIN_METADATA, forms.IMAGE, forms.QUEUE_NAME)

    job_type: JobType
    """What is done: sft (supervised fine-tuning), dpo (preferences) and style for language models; vla (a policy), reward
    (a reward model) and vla_w_reward (both, one after the other) for robots."""
    display_name: Annotated[str, Field(max_length=255)] | None = None
    """A name for people."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What the job is for."""
    model: Model
    """The model to tune."""
    datasets: Annotated[tuple[Dataset, ...], Field(min_length=1, max_length=16)] = Field(
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "split"]}
    )
    """What it is tuned on."""
    camera_mappings: (
        Annotated[dict[Annotated[str, Field(max_length=253)], ImageKey], Field(min_length=1, max_length=16)] | None
    ) = None
    """Robots: camera slot of the model, or the policy's own image key → image key of the dataset. Slots left out become
    masked pictures; kubectl get basemodel NAME -o yaml has cameraSlots."""
    hyperparameters: Hyperparameters | None = None
    """How it is trained; what is absent is chosen by a documented rule."""
    reward: Reward | None = None
    """Robots: the reward model, and training that is weighted by it."""
    style: Style | None = None
    """Job type style: whose output is styled."""
    evaluation: Evaluation | None = None
    """Measuring on data that is not trained on."""
    instance_type: Name | None = None
    """The hardware, by the name of an InstanceType (kubectl get instancetypes); the cheapest that fits when absent."""
    allow_memory_overcommit: bool = False
    """Start although the estimate says that the GPUs' memory will not do."""
    region: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Where the hardware stands; one of the instance type's regions."""
    nodes: Annotated[int, Field(ge=1, le=64)] = 1
    """How many pods of the instance type train together."""
    hours: Annotated[float, Field(gt=0, le=MOST_HOURS)] | None = None
    """Training time over all attempts; waiting, pulling and loading do not count. When it is used up the job publishes
    what it has and succeeds. Robot job types need it; 168 otherwise when absent. May grow while the job runs."""
    start_deadline_seconds: Seconds | None = None
    """Give up on a start that has not come about after so long. When absent: 1800 for what will not mend itself (image,
    volume, container), no limit for a queue, a quota or a node."""
    stall_timeout_seconds: Annotated[int, Field(ge=30, le=86_400)] | None = None
    """Without a completed step for so long (three times that for loading, evaluation and saving) the attempt is ended and
    the next one resumes. No limit when absent."""
    max_cost: Annotated[float, Field(ge=0, le=1_000_000_000)] | None = None
    """Stop with a published model when the run's cost, in the instance type's currency, reaches it."""
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = 3
    """Retries of failures that may be worth one. Nodes that fail and wrong data do not count: the former are always
    retried, the latter never."""
    suspend: bool = False
    """Pause: save a checkpoint, then release the hardware; false goes on. Before anything was created: nothing is, and
    status has the plan and its estimate."""
    stop: bool = False
    """Finish early: save, publish, succeed. Before anything was trained there is nothing to publish, and the job is
    cancelled."""
    cancel: bool = False
    """End now and publish nothing, for good."""
    restart_generation: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Raise it to run the job again, with a new budget. stop and cancel may go back to false in the same update, and what
    was wrong may be mended."""
    restart_from: Literal["checkpoint", "scratch"] = "checkpoint"
    """What a new run goes on from: the newest checkpoint, or the model as it was at the beginning."""
    output: Output | None = None
    """Where checkpoints and the finished model are kept."""
    checkpoints: Checkpoints | None = None
    """When the state of the training is saved, and what is kept."""
    integrations: Annotated[tuple[Integration, ...], Field(max_length=3)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """Trackers that the run reports to."""
    tags: Annotated[tuple[Tag, ...], Field(max_length=16)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "set"}
    )
    """Words to find the job by; handed to the trackers."""
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=512)]], Field(max_length=16)] | None = None
    """Further pairs of the user's own."""
    queue_name: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The Kueue queue that the GPU stages wait in."""
    priority_class_name: Name | None = None
    """The PriorityClass of the pods, from the next attempt on."""
    children_ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=31_536_000)] | None = Field(
        default=None, alias="childrenTTLSecondsAfterFinished"
    )
    """When an ended job's Jobs and pods are removed; its record and the output claim stay. Never when absent."""
    cache: Cache | None = None
    """Where fetched models and data are kept between stages and jobs; on the job's output claim when absent."""
    pod_template: PodTemplate | None = None
    """What the pods bear besides."""
    image: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """A trainer image of your own instead of the family's; it must keep the trainer contract."""

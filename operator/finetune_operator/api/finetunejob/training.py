"""What goes on beside the training itself: evaluation, checkpoints, the reward model, style, trackers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_operator.api import uris
from finetune_operator.api.finetunejob.hyperparameters import FreeForm
from finetune_operator.api.finetunejob.secret_names import URL_WITH_PASSWORD
from finetune_operator.api.model import ApiModel, Rule
from finetune_operator.api.references import SecretKeyRef, SecretRef

ImageKey = Annotated[str, Field(min_length=1, max_length=253)]
Place = Annotated[str, Field(min_length=1, max_length=1024)]


class Reward(ApiModel):
    """The SARM reward model and reward-aware behaviour cloning (RA-BC), which weights rows by their progress."""

    rules: ClassVar[tuple[Rule, ...]] = tuple(
        Rule(
            f"!has(self.{field}) || self.{field}.matches('{uris.STORED_PATTERN}') || !self.{field}.contains('://')",
            f"{field} must be {uris.STORED_WORDS}",
            f"'{field} must be {uris.STORED_WORDS}; given: %s'.format([self.{field}])",
            f".{field}",
        )
        for field in ("modelUri", "progressUri")
    )

    use_rabc: bool = False
    """Weight the rows by the progress that a reward model sees in them. Implied by job type vla_w_reward."""
    model_uri: Place | None = None
    """A trained reward model: a place, or a repository of the Hub. model.secretRef opens it too."""
    progress_uri: Place | None = None
    """A progress file that was computed before; then no reward model is needed. model.secretRef opens it too."""
    head_mode: Literal["sparse", "dense", "both"] = "sparse"
    """The head of the reward model that is used; both computes progress with either and weights by the sparse one."""
    image_key: ImageKey | None = None
    """The dataset's image key that the reward model looks at; one of those in cameraMappings, needed where
    there are several."""
    annotation_mode: Literal["single_stage", "dense_only", "dual"] | None = None
    """Which annotations of subtasks the reward model learns from; single_stage, which needs none, when absent."""
    kappa: Annotated[float, Field(gt=0, le=1)] | None = None
    """Progress above which a row counts in full; 0.01 when absent."""
    hyperparameters: FreeForm | None = None
    """Of the reward model's training, handed to the trainer as they are."""
    hours_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """The part of hours that the reward model's training may use."""


class Style(ApiModel):
    """Restyling what another model said."""

    base_model: Annotated[str, Field(min_length=1, max_length=256)] = "general"
    """The model whose output is to be styled; general suits any."""


class EarlyStopping(ApiModel):
    """Ends the training when the evaluation no longer improves."""

    patience: Annotated[int, Field(ge=1, le=1000)]
    """Evaluations without a better loss."""


class Evaluation(ApiModel):
    """Measuring on data that is not trained on."""

    rules: ClassVar[tuple[Rule, ...]] = (
        # No maximum: the API server tells one of 0.5 as "less than or equal to 0".
        Rule(
            "!has(self.fraction) || self.fraction <= 0.5",
            "fraction is the part of the rows that is set aside: above 0, at most 0.5",
            "'fraction is the part of the rows that is set aside: above 0, at most 0.5; given: %s'.format([self.fraction])",
            ".fraction",
        ),
    )

    every_steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Optimizer steps between evaluations; ten evaluations over the run when absent."""
    fraction: Annotated[float, Field(gt=0)] | None = None
    """Part of the training rows (robots: episodes) set aside when no validation dataset is given; at most 0.5."""
    prompts: (
        Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...], Field(max_length=16)] | None
    ) = None
    """Language models: prompts answered at each evaluation and kept with the metrics."""
    early_stopping: EarlyStopping | None = None
    """Ends the training when the evaluation no longer improves."""


class Checkpoints(ApiModel):
    """When the state of the training is saved, and what is kept."""

    every_steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Optimizer steps between checkpoints, beside everyMinutes."""
    every_minutes: Annotated[float, Field(gt=0, le=10_080)] = 30
    """Minutes between checkpoints."""
    keep_last: Annotated[int, Field(ge=2, le=100)] = 2
    """Newest checkpoints that are kept; never fewer than two, for one of them may turn out to be damaged."""
    keep_best: Annotated[int, Field(ge=1, le=100)] | None = None
    """Checkpoints with the best evaluation that are kept besides."""


class Wandb(ApiModel):
    """Weights & Biases."""

    project: Annotated[str, Field(min_length=1, max_length=128)]
    """The project that the run appears in."""
    name: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The run's name; the job's when absent."""
    entity: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """User or team."""
    tags: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=16)] | None = (
        Field(default=None, json_schema_extra={"x-kubernetes-list-type": "set"})
    )
    """Tags of the run."""
    api_key_secret_ref: SecretKeyRef
    """The API key; it never stands in the resource."""


class Mlflow(ApiModel):
    """MLflow."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"!self.trackingUri.matches('{URL_WITH_PASSWORD}')",
            "trackingUri holds a user or password, which does not stand in a resource: put username and password into a "
            "Secret, name it in secretRef, and rotate the password",
            None,
            ".trackingUri",
        ),
    )

    tracking_uri: Annotated[str, Field(max_length=512, pattern=r"^https?://[^\s]+$")]
    """The tracking server."""
    experiment: Annotated[str, Field(min_length=1, max_length=128)]
    """The experiment that the run appears in."""
    secret_ref: SecretRef | None = None
    """Opens the server: the key token, or the keys username and password."""


class Integration(ApiModel):
    """A tracker that the run reports to, one run over all attempts."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.wandb) == (self.type == 'wandb') && has(self.mlflow) == (self.type == 'mlflow')",
            "an integration has the settings of its type and no others: wandb or mlflow; tensorboard has none",
            "'an integration has the settings of its type and no others: type %s needs %s'.format([self.type, "
            "self.type == 'tensorboard' ? 'none' : self.type])",
        ),
    )

    type: Literal["wandb", "mlflow", "tensorboard"]
    """Which tracker."""
    wandb: Wandb | None = None
    """Settings of type wandb."""
    mlflow: Mlflow | None = None
    """Settings of type mlflow."""

"""What a training goes on in and leaves behind, as run.json says it: hardware, limits, checkpoints, output, trackers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from trainer.contract.bounds import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE
from trainer.contract.reading import Bounds, Fields, invalid

Merge = Literal["adapter", "merged"]
Select = Literal["last", "best"]
Tracker = Literal["wandb", "mlflow", "tensorboard"]

DEFAULT_GRACE_SECONDS: Final = 60.0
"""Between SIGTERM and SIGKILL when run.json does not say."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What each of `nodes` pods was given. `micro_batch_size`: rows that fit into a process at once, if that was reckoned.

    `halvings`: how often fewer rows are held than would be, because they did not fit after all.
    """

    gpus: int
    nodes: int
    cpus: float
    micro_batch_size: int | None = None
    halvings: int = 0

    @property
    def processes_per_node(self) -> int:
        """One for each GPU; without GPUs, one."""
        return max(1, self.gpus)

    @property
    def processes(self) -> int:
        """Over all nodes."""
        return self.nodes * self.processes_per_node


@dataclass(frozen=True, slots=True)
class Limits:
    """`training_seconds` over all attempts of a run; `grace_seconds` between SIGTERM and SIGKILL.

    `stall_seconds` without a completed step is a stall; None: nobody watches.
    """

    training_seconds: float
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    stall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CheckpointRules:
    """When checkpoints are taken, and how many complete ones are kept: the newest, and the best besides."""

    every_seconds: float
    keep_last: int
    every_steps: int | None = None
    keep_best: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measuring on data that is not trained on: a `fraction` of the training rows when no dataset is for it.

    `patience`: evaluations without a better loss after which the training ends; None: it does not end by that.
    """

    every_steps: int | None = None
    fraction: float | None = None
    prompts: tuple[str, ...] = ()
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """Where the model is published and what of it; no `uri`: it stays in the workspace."""

    uri: str = ""
    model_name: str = ""
    merge: Merge = "adapter"
    select: Select = "last"


@dataclass(frozen=True, slots=True)
class Integration:
    """A tracker. `place` is its item of the job's integrations; `run_name` is empty for the job's own."""

    type: Tracker
    place: str
    project: str = ""
    run_name: str = ""
    entity: str = ""
    tags: tuple[str, ...] = ()
    tracking_uri: str = ""
    experiment: str = ""


def parse_hardware(document: Fields) -> Hardware:
    """The hardware under that key of run.json."""
    fields = document.section("hardware", ["gpus", "nodes", "cpus", "microBatchSize", "halvings"])
    return Hardware(
        gpus=fields.integer("gpus", NOT_NEGATIVE),
        nodes=fields.integer("nodes", AT_LEAST_ONE),
        cpus=fields.number("cpus", POSITIVE),
        micro_batch_size=fields.integer_or_none("microBatchSize", AT_LEAST_ONE),
        halvings=fields.integer_or_none("halvings", Bounds(least=0, most=16)) or 0,
    )


def parse_limits(document: Fields) -> Limits:
    """The limits under that key of run.json."""
    fields = document.section("limits", ["trainingSeconds", "graceSeconds", "stallSeconds"])
    return Limits(
        training_seconds=fields.number("trainingSeconds", POSITIVE),
        grace_seconds=fields.number_or("graceSeconds", DEFAULT_GRACE_SECONDS, POSITIVE),
        stall_seconds=fields.number_or_none("stallSeconds", POSITIVE),
    )


def parse_checkpoints(document: Fields) -> CheckpointRules:
    """The rules for checkpoints under that key of run.json."""
    fields = document.section("checkpoints", ["everySeconds", "everySteps", "keepLast", "keepBest"])
    return CheckpointRules(
        every_seconds=fields.number("everySeconds", POSITIVE),
        every_steps=fields.integer_or_none("everySteps", AT_LEAST_ONE),
        keep_last=fields.integer("keepLast", Bounds(least=2)),
        keep_best=fields.integer_or_none("keepBest", AT_LEAST_ONE) or 0,
    )


def parse_evaluation(document: Fields) -> Evaluation:
    """The evaluation under that key of run.json; nothing asked for when it is not there."""
    if "evaluation" not in document:
        return Evaluation()
    fields = document.section("evaluation", ["everySteps", "fraction", "prompts", "earlyStopping"])
    stopping = fields.section("earlyStopping", ["patience"]) if "earlyStopping" in fields else None
    return Evaluation(
        every_steps=fields.integer_or_none("everySteps", AT_LEAST_ONE),
        fraction=fields.number_or_none("fraction", Bounds(above=0, most=0.5)),
        prompts=fields.texts_or("prompts"),
        patience=stopping.integer("patience", AT_LEAST_ONE) if stopping else None,
    )


def parse_output(document: Fields) -> Output:
    """The output under that key of run.json; the workspace when it is not there."""
    if "output" not in document:
        return Output()
    fields = document.section("output", ["uri", "modelName", "merge", "select"])
    return Output(
        uri=fields.text_or("uri"),
        model_name=fields.text_or("modelName"),
        merge=cast("Merge", fields.text_or("merge", "adapter", get_args(Merge))),
        select=cast("Select", fields.text_or("select", "last", get_args(Select))),
    )


def parse_integrations(document: Fields) -> tuple[Integration, ...]:
    """The trackers under that key of run.json."""
    items = document.items("integrations") if "integrations" in document else []
    return tuple(_integration(item, index) for index, item in enumerate(items))


def _integration(item: object, index: int) -> Integration:
    fields = Fields(item, f"integrations[{index}]", ["type", *get_args(Tracker)[:2]])
    kind = cast("Tracker", fields.text("type", get_args(Tracker)))
    place = f"spec.integrations[{index}]"
    for other in ("wandb", "mlflow"):
        if (other in fields) != (other == kind):
            raise invalid(
                fields.path(other), f"{'is given' if other in fields else 'is missing'} and the type is {kind}"
            )
    if kind == "wandb":
        wandb = fields.section("wandb", ["project", "name", "entity", "tags"])
        return Integration(
            kind, place, wandb.text("project"), wandb.text_or("name"), wandb.text_or("entity"), wandb.texts_or("tags")
        )
    if kind == "mlflow":
        mlflow = fields.section("mlflow", ["trackingUri", "experiment"])
        return Integration(kind, place, tracking_uri=mlflow.text("trackingUri"), experiment=mlflow.text("experiment"))
    return Integration(kind, place)

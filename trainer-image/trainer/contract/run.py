"""run.json: what one stage of one attempt is asked to do, parsed into frozen values.

The shape is `contract/run.schema.json`. Parsing raises UserError with code RunInvalid, because a second try would
read the same file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from trainer.contract import CONTRACT_VERSION
from trainer.contract.reading import Bounds, Fields, invalid

Stage = Literal["prepare", "train"]
Split = Literal["train", "validation"]

POSITIVE: Final = Bounds(above=0)
AT_LEAST_ONE: Final = Bounds(least=1)
NOT_NEGATIVE: Final = Bounds(least=0)

DEFAULT_GRACE_SECONDS: Final = 60.0
"""Between SIGTERM and SIGKILL when run.json does not say."""
MAX_DATASETS: Final = 16
KEYS: Final = (
    *("contractVersion", "stage", "job", "attempt", "jobType", "model", "datasets"),
    *("hyperparameters", "hardware", "limits", "checkpoints", "paths"),
)
HYPERPARAMETERS: Final = ("epochs", "steps", "batchSize", "learningRate", "seed", "contextLength", "lora")


@dataclass(frozen=True, slots=True)
class Job:
    """Which FineTuneJob this is."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Model:
    """The model to start from: `name` as the user wrote it, `path` a folder in the Hugging Face layout."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: `uri` as the user wrote it, `path` a .jsonl file or a folder of them, `param` its field in the job."""

    name: str
    split: Split
    uri: str
    path: Path
    param: str


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters instead of all weights. No target modules means every linear layer."""

    enabled: bool
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    target_modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How to train. `steps` overrides `epochs`; `batch_size` is global; `context_length` is in tokens."""

    epochs: float
    batch_size: int
    learning_rate: float
    seed: int
    lora: Lora
    steps: int | None = None
    context_length: int | None = None


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the pod was given; `gpus` is per node."""

    gpus: int
    nodes: int
    cpus: float


@dataclass(frozen=True, slots=True)
class Limits:
    """`training_seconds` over all attempts; `grace_seconds` between SIGTERM and SIGKILL."""

    training_seconds: float
    grace_seconds: float = DEFAULT_GRACE_SECONDS


@dataclass(frozen=True, slots=True)
class CheckpointRules:
    """When checkpoints are taken, and how many complete ones are kept."""

    every_seconds: float
    keep_last: int
    every_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The whole of run.json."""

    stage: Stage
    job: Job
    attempt: int
    model: Model
    datasets: tuple[Dataset, ...]
    hyperparameters: Hyperparameters
    hardware: Hardware
    limits: Limits
    checkpoints: CheckpointRules
    workspace: Path


def read_run(path: Path) -> Run:
    """The run in the file at `path`; UserError (RunInvalid) when there is none or it breaks the contract."""
    try:
        document: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise invalid(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise invalid(str(path), f"is not JSON: {error}") from error
    return parse_run(document)


def parse_run(document: object) -> Run:
    """The run that a decoded run.json describes."""
    fields = Fields(
        document,
        "",
        KEYS,
    )
    version = fields.integer("contractVersion")
    if version != CONTRACT_VERSION:
        raise invalid("contractVersion", f"is {version}, this trainer speaks version {CONTRACT_VERSION}")
    fields.text("jobType", allowed=("sft",))
    return Run(
        stage=cast("Stage", fields.text("stage", allowed=("prepare", "train"))),
        job=_job(fields.section("job", ["namespace", "name", "uid"])),
        attempt=fields.integer("attempt", AT_LEAST_ONE),
        model=_model(fields.section("model", ["name", "path"])),
        datasets=_datasets(fields.items("datasets")),
        hyperparameters=_hyperparameters(fields.section("hyperparameters", HYPERPARAMETERS)),
        hardware=_hardware(fields.section("hardware", ["gpus", "nodes", "cpus"])),
        limits=_limits(fields.section("limits", ["trainingSeconds", "graceSeconds"])),
        checkpoints=_checkpoints(fields.section("checkpoints", ["everySeconds", "everySteps", "keepLast"])),
        workspace=Path(fields.section("paths", ["workspace"]).text("workspace")),
    )


def _job(fields: Fields) -> Job:
    return Job(namespace=fields.text("namespace"), name=fields.text("name"), uid=fields.text("uid"))


def _model(fields: Fields) -> Model:
    return Model(name=fields.text("name"), path=Path(fields.text("path")))


def _datasets(items: list[object]) -> tuple[Dataset, ...]:
    if not 1 <= len(items) <= MAX_DATASETS:
        raise invalid("datasets", f"has {len(items)} items, must have 1 to {MAX_DATASETS}")
    datasets = tuple(_dataset(item, index) for index, item in enumerate(items))
    if all(dataset.split != "train" for dataset in datasets):
        raise invalid("datasets", "has no item with split 'train'")
    return datasets


def _dataset(item: object, index: int) -> Dataset:
    fields = Fields(item, f"datasets[{index}]", ["name", "split", "uri", "path"])
    return Dataset(
        name=fields.text("name"),
        split=cast("Split", fields.text("split", allowed=("train", "validation"))),
        uri=fields.text("uri"),
        path=Path(fields.text("path")),
        param=f"spec.datasets[{index}].uri",
    )


def _hyperparameters(fields: Fields) -> Hyperparameters:
    return Hyperparameters(
        epochs=fields.number("epochs", POSITIVE),
        steps=fields.integer("steps", AT_LEAST_ONE) if "steps" in fields else None,
        batch_size=fields.integer("batchSize", Bounds(least=1, most=512)),
        learning_rate=fields.number("learningRate", POSITIVE),
        seed=fields.integer("seed", NOT_NEGATIVE),
        context_length=fields.integer("contextLength", AT_LEAST_ONE) if "contextLength" in fields else None,
        lora=_lora(fields.section("lora", ["enabled", "rank", "alpha", "dropout", "targetModules"])),
    )


def _lora(fields: Fields) -> Lora:
    absent = Lora(enabled=fields.flag("enabled"))
    return Lora(
        enabled=absent.enabled,
        rank=fields.integer("rank", Bounds(least=1, most=512)) if "rank" in fields else absent.rank,
        alpha=fields.integer("alpha", AT_LEAST_ONE) if "alpha" in fields else absent.alpha,
        dropout=fields.number("dropout", Bounds(least=0, most=1)) if "dropout" in fields else absent.dropout,
        target_modules=tuple(map(str, fields.items("targetModules"))) if "targetModules" in fields else (),
    )


def _hardware(fields: Fields) -> Hardware:
    return Hardware(
        gpus=fields.integer("gpus", NOT_NEGATIVE),
        nodes=fields.integer("nodes", AT_LEAST_ONE),
        cpus=fields.number("cpus", POSITIVE),
    )


def _limits(fields: Fields) -> Limits:
    grace = fields.number("graceSeconds", POSITIVE) if "graceSeconds" in fields else DEFAULT_GRACE_SECONDS
    return Limits(training_seconds=fields.number("trainingSeconds", POSITIVE), grace_seconds=grace)


def _checkpoints(fields: Fields) -> CheckpointRules:
    return CheckpointRules(
        every_seconds=fields.number("everySeconds", POSITIVE),
        every_steps=fields.integer("everySteps", AT_LEAST_ONE) if "everySteps" in fields else None,
        keep_last=fields.integer("keepLast", Bounds(least=2)),
    )

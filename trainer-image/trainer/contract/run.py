"""run.json: what one stage of one attempt is asked to do, parsed into frozen values.

The shape is `contract/run.schema.json`. Parsing raises UserError with code RunInvalid, because a second try would
read the same file. What can be parsed need not be what this image can do: its families look at that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast, get_args

from trainer.contract import CONTRACT_VERSION
from trainer.contract.bounds import AT_LEAST_ONE, NOT_NEGATIVE
from trainer.contract.hyperparameters import Hyperparameters, Lora, parse_hyperparameters
from trainer.contract.reading import Fields, invalid
from trainer.contract.robots import Camera, Reward, parse_cameras, parse_reward
from trainer.contract.sources import Dataset, Model, Split, parse_datasets, parse_model
from trainer.contract.surroundings import (
    CheckpointRules,
    Evaluation,
    Hardware,
    Integration,
    Limits,
    Output,
    parse_checkpoints,
    parse_evaluation,
    parse_hardware,
    parse_integrations,
    parse_limits,
    parse_output,
)

__all__ = [
    "Dataset",
    "Hyperparameters",
    "Job",
    "JobType",
    "Lora",
    "Model",
    "Run",
    "Split",
    "Stage",
    "parse_run",
    "read_run",
]

Stage = Literal["inspect", "prepare", "train", "publish"]
JobType = Literal["sft", "dpo", "style", "vla", "reward", "vla_w_reward"]
ROBOT_JOB_TYPES: Final = ("vla", "reward", "vla_w_reward")

KEYS: Final = (
    *("contractVersion", "stage", "job", "attempt", "run", "resumeFrom", "finish"),
    *("jobType", "model", "datasets", "cameras", "hyperparameters", "reward", "style", "evaluation"),
    *("hardware", "limits", "checkpoints", "output", "integrations", "tags", "paths"),
)

NO_HYPERPARAMETERS: Final = Hyperparameters(learning_rate=1.0, seed=0, lora=Lora(enabled=False))
NO_CHECKPOINTS: Final = CheckpointRules(every_seconds=1.0, keep_last=2)


@dataclass(frozen=True, slots=True)
class Job:
    """Which FineTuneJob this is."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Run:
    """The whole of run.json. `style` is whose output is styled, for that job type; `tags` are for the trackers.

    `number` says which run of the job it is, from 0. Only checkpoints of attempts from `resume_from` on count. With
    `finish` nothing is trained: the newest of them becomes the model. Stage inspect asks for no training: what belongs to one then stands at values that nothing reads.
    """

    stage: Stage
    job: Job
    attempt: int
    job_type: JobType
    model: Model
    datasets: tuple[Dataset, ...]
    hyperparameters: Hyperparameters
    hardware: Hardware
    limits: Limits
    checkpoints: CheckpointRules
    workspace: Path
    cache: Path = Path("/cache")
    cameras: tuple[Camera, ...] = ()
    reward: Reward | None = None
    style: str | None = None
    evaluation: Evaluation = field(default_factory=Evaluation)
    output: Output = field(default_factory=Output)
    integrations: tuple[Integration, ...] = ()
    tags: tuple[str, ...] = ()
    number: int = 0
    resume_from: int = 1
    finish: bool = False

    @property
    def merges(self) -> bool:
        """Whether training leaves an adapter that stage publish merges."""
        return self.hyperparameters.lora.enabled and self.output.merge == "merged"


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
    fields = Fields(document, "", KEYS)
    version = fields.integer("contractVersion")
    if version != CONTRACT_VERSION:
        raise invalid("contractVersion", f"is {version}, this trainer speaks version {CONTRACT_VERSION}")
    stage = cast("Stage", fields.text("stage", get_args(Stage)))
    trains = stage != "inspect"
    paths = fields.section("paths", ["workspace", "cache"])
    job_type = cast("JobType", fields.text("jobType", get_args(JobType))) if trains else "sft"
    return Run(
        stage=stage,
        job=_job(fields.section("job", ["namespace", "name", "uid"])),
        attempt=fields.integer("attempt", AT_LEAST_ONE),
        job_type=job_type,
        model=parse_model(fields) if trains or "model" in fields else Model("", None),
        datasets=parse_datasets(fields, "spec.datasets[{}]" if trains else "spec"),
        hyperparameters=parse_hyperparameters(fields, sized=stage == "train", timed=job_type in ROBOT_JOB_TYPES)
        if trains
        else NO_HYPERPARAMETERS,
        hardware=parse_hardware(fields),
        limits=parse_limits(fields),
        checkpoints=parse_checkpoints(fields) if trains else NO_CHECKPOINTS,
        workspace=Path(paths.text("workspace")),
        cache=Path(paths.text_or("cache", "/cache")),
        cameras=parse_cameras(fields),
        reward=parse_reward(fields),
        style=fields.section("style", ["baseModel"]).text_or("baseModel", "general") if "style" in fields else None,
        evaluation=parse_evaluation(fields),
        output=parse_output(fields),
        integrations=parse_integrations(fields),
        tags=fields.texts_or("tags"),
        number=fields.integer_or_none("run", NOT_NEGATIVE) or 0,
        resume_from=fields.integer_or_none("resumeFrom", AT_LEAST_ONE) or 1,
        finish=fields.flag_or("finish"),
    )


def _job(fields: Fields) -> Job:
    return Job(namespace=fields.text("namespace"), name=fields.text("name"), uid=fields.text("uid"))

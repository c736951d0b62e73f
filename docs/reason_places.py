"""Where each reason is told, whether it mends itself, and which fields and settings matter: what the pages show beside the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from finetune_operator.api.conditions import Phase, Reason

NO: Final = "no"
ITSELF: Final = "yes"
OVER: Final = "it is the end of this run; a raised `restartGeneration` begins another"
LATER: Final = "yes, it is tried again"
CLUSTER: Final = "yes, once the cluster can"
MENDED: Final = "no; it goes on by itself once it is mended"
IN_TIME: Final = f"{MENDED}, within half an hour or `startDeadlineSeconds`"
PASSING: Final = "yes, the next attempt follows"

ON_CPU: Final = (Phase.VALIDATING, Phase.PUBLISHING)
PLACING: Final = (Phase.VALIDATING, Phase.QUEUED, Phase.PUBLISHING)
ON_NODE: Final = (Phase.VALIDATING, Phase.STARTING, Phase.PUBLISHING)
GOING_ON: Final = (Phase.VALIDATING, Phase.QUEUED, Phase.STARTING, Phase.RUNNING, Phase.PUBLISHING)
REFUSED: Final = (Phase.PENDING, Phase.FAILED)


@dataclass(frozen=True)
class Place:
    """Where a reason is told. Without a phase it is never the job's own, but that of an attempt or of a condition.

    ``fields`` are paths in the FineTuneJob, ``settings`` paths in the chart's values.
    """

    phases: tuple[Phase, ...]
    mends: str
    fields: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    attempts: bool = False
    """Whether an attempt may end with it."""


PLACES: Final[Mapping[Reason, Place]] = {
    Reason.PENDING: Place((Phase.PENDING,), ITSELF, settings=("replicas", "settings.lease")),
    Reason.VALIDATING: Place((Phase.VALIDATING,), ITSELF, settings=("settings.stages.prepare",)),
    Reason.VALIDATED: Place((), ITSELF, ("status.report",)),
    Reason.UNSCHEDULABLE: Place(
        PLACING,
        CLUSTER,
        ("spec.instanceType", "spec.nodes", "spec.region", "spec.podTemplate.tolerations", "spec.startDeadlineSeconds"),
    ),
    Reason.WAITING_FOR_QUEUE: Place(
        PLACING,
        "yes, once the queue admits it",
        ("spec.queueName", "spec.startDeadlineSeconds"),
        ("settings.stages.queueCpu",),
    ),
    Reason.WAITING_FOR_POD: Place(PLACING, ITSELF),
    Reason.SCHEDULED: Place(ON_NODE, ITSELF),
    Reason.PULLING_IMAGE: Place(ON_NODE, ITSELF, ("spec.image",), ("settings.images", "settings.imagePullPolicy")),
    Reason.IMAGE_PULL_FAILED: Place(
        ON_NODE,
        IN_TIME,
        ("spec.image", "spec.podTemplate.imagePullSecrets", "spec.startDeadlineSeconds"),
        ("settings.images",),
    ),
    Reason.VOLUME_NOT_READY: Place(
        (Phase.VALIDATING, Phase.QUEUED, Phase.STARTING, Phase.PUBLISHING),
        IN_TIME,
        ("spec.datasets[].uri", "spec.model.name", "spec.output.uri", "spec.startDeadlineSeconds"),
    ),
    Reason.CONTAINER_NOT_STARTED: Place(
        (*ON_NODE, Phase.FAILED),
        IN_TIME,
        ("spec.podTemplate", "spec.image", "spec.startDeadlineSeconds"),
        attempts=True,
    ),
    Reason.QUOTA_EXCEEDED: Place((Phase.PENDING, *PLACING), LATER, ("spec.instanceType", "spec.startDeadlineSeconds")),
    Reason.POD_REFUSED: Place(
        PLACING,
        IN_TIME,
        ("spec.priorityClassName", "spec.podTemplate.serviceAccountName", "spec.startDeadlineSeconds"),
    ),
    Reason.RETRYING: Place((Phase.PENDING,), ITSELF, ("spec.backoffLimit", "status.retries", "status.attempts[]")),
    Reason.PODS_REMAIN: Place((Phase.PENDING,), "yes, once the pods are gone"),
    Reason.NODE_UNREACHABLE: Place((Phase.PENDING, Phase.SUSPENDING, *GOING_ON), "only if the node comes back"),
    Reason.FORBIDDEN: Place((Phase.PENDING,), LATER, ("spec.podTemplate", "spec.startDeadlineSeconds"), ("rbac",)),
    Reason.CREATE_FAILED: Place((Phase.PENDING,), LATER, ("spec.startDeadlineSeconds",)),
    Reason.SUSPENDED: Place(
        (Phase.SUSPENDING, Phase.SUSPENDED), NO, ("spec.suspend", "status.estimate"), attempts=True
    ),
    Reason.RESTARTED: Place(GOING_ON, ITSELF, ("spec.restartGeneration", "spec.restartFrom"), attempts=True),
    Reason.STEP_STALLED: Place((Phase.RUNNING,), PASSING, ("spec.stallTimeoutSeconds",), attempts=True),
    Reason.TERMINATING: Place((*ON_CPU, Phase.RUNNING), PASSING),
    Reason.PUBLISHING: Place((Phase.PUBLISHING,), ITSELF, ("spec.output.merge",)),
    Reason.LOADING: Place((Phase.RUNNING,), ITSELF),
    Reason.TRAINING: Place((Phase.RUNNING,), ITSELF, ("status.progress", "status.usage")),
    Reason.COMPLETED: Place((Phase.SUCCEEDED,), OVER, ("status.result", "status.usage"), attempts=True),
    Reason.HOURS_EXHAUSTED: Place(
        (Phase.SUCCEEDED,),
        OVER,
        ("spec.hours", "spec.restartGeneration", "status.result", "status.usage"),
        attempts=True,
    ),
    Reason.MAX_COST_REACHED: Place(
        (Phase.SUCCEEDED,), OVER, ("spec.maxCost", "spec.restartGeneration", "status.usage"), attempts=True
    ),
    Reason.STOPPED: Place(
        (*GOING_ON, Phase.SUCCEEDED, Phase.CANCELLED), OVER, ("spec.stop", "status.result"), attempts=True
    ),
    Reason.CANCELLED: Place(
        (*GOING_ON, Phase.CANCELLED), OVER, ("spec.cancel", "spec.restartGeneration"), attempts=True
    ),
    Reason.UNKNOWN_INSTANCE_TYPE: Place(
        REFUSED, "only if it comes within ten seconds of the job", ("spec.instanceType",), ("catalog.instanceTypes",)
    ),
    Reason.UNKNOWN_MODEL: Place(
        REFUSED,
        "only if it comes within ten seconds of the job",
        ("spec.model.name", "spec.model.fromCheckpoint"),
        ("catalog.baseModels",),
    ),
    Reason.NO_TRAINER_IMAGE: Place(REFUSED, OVER, ("spec.model.type", "spec.image"), ("settings.images",)),
    Reason.DOES_NOT_FIT: Place(
        (Phase.FAILED,),
        OVER,
        (
            "spec.instanceType",
            "spec.nodes",
            "spec.hyperparameters.batchSize",
            "spec.hyperparameters.contextLength",
            "spec.hyperparameters.lora",
            "spec.allowMemoryOvercommit",
        ),
    ),
    Reason.DATASET_NOT_READY: Place(
        (Phase.PENDING,), "yes, once the Dataset is inspected", ("spec.datasets[].datasetRef",)
    ),
    Reason.INVALID_DATASET: Place((Phase.PENDING,), MENDED, ("spec.datasets[].datasetRef",)),
    Reason.INVALID_SPEC: Place(
        REFUSED,
        "no; of a job that has begun, or whose CRD is newer than the operator: yes, once the operator can read it",
        ("status.failure",),
    ),
    Reason.USER_ERROR: Place((Phase.FAILED,), OVER, ("status.failure",), attempts=True),
    Reason.OUT_OF_MEMORY: Place(
        (Phase.FAILED,),
        "once in a run: a language model is tried again with half the rows at once and the same batch",
        ("spec.instanceType", "spec.hyperparameters.batchSize", "spec.hyperparameters.lora", "status.resolved"),
        attempts=True,
    ),
    Reason.OOM_KILLED: Place(
        (Phase.FAILED,), OVER, ("spec.instanceType", "spec.hyperparameters.batchSize", "status.failure"), attempts=True
    ),
    Reason.START_DEADLINE_EXCEEDED: Place(
        (*GOING_ON, Phase.FAILED), OVER, ("spec.startDeadlineSeconds",), attempts=True
    ),
    Reason.DEADLINE_EXCEEDED: Place((Phase.RUNNING, Phase.FAILED), OVER, ("spec.hours", "spec.image"), attempts=True),
    Reason.STAGE_DEADLINE_EXCEEDED: Place(
        ON_CPU, LATER, ("spec.backoffLimit",), ("settings.stages.limitHours",), attempts=True
    ),
    Reason.LIMIT_EXCEEDED: Place((Phase.FAILED,), OVER, ("spec.instanceType",), attempts=True),
    Reason.NODE_FAILURE: Place((), PASSING, ("status.attempts[]",), attempts=True),
    Reason.JOB_VANISHED: Place((), PASSING, ("status.attempts[]",), attempts=True),
    Reason.ERROR: Place((), PASSING, ("spec.backoffLimit", "status.attempts[]"), attempts=True),
    Reason.BACKOFF_LIMIT_EXCEEDED: Place((Phase.FAILED,), OVER, ("spec.backoffLimit", "status.failure")),
    Reason.NO_PROGRESS: Place((Phase.FAILED,), OVER, ("spec.checkpoints", "spec.instanceType", "status.attempts[]")),
    Reason.NAME_CONFLICT: Place((Phase.FAILED,), OVER),
}


@dataclass(frozen=True)
class Station:
    """A phase: what it means, whether hardware is held, and what to do meanwhile."""

    sentence: str
    hardware: str
    remedy: str


NOTHING: Final = "none"
STATIONS: Final[Mapping[Phase, Station]] = {
    Phase.PENDING: Station(
        "Nothing runs yet, or nothing runs between two attempts; the reason says what it waits for.",
        NOTHING,
        "Read the reason. What is refused by the cluster is tried again by itself every ten seconds.",
    ),
    Phase.VALIDATING: Station(
        "Model and data are checked by a Job on CPU, or that Job waits for its pod.",
        "one pod on CPU",
        "Nothing. What is wrong with the data is told here, by file and line, before a GPU is asked for.",
    ),
    Phase.QUEUED: Station(
        "The training's Job exists and its pods have no node yet.",
        NOTHING,
        "Read the reason: a queue, a quota, a volume or room on a node. `startDeadlineSeconds` limits the wait.",
    ),
    Phase.STARTING: Station(
        "The training's pods are on their nodes, and not all of their containers run yet.",
        "the nodes' GPUs are reserved; training time does not count",
        "Read the reason: an image that is pulled, a volume that is mounted, or what the kubelet complains of.",
    ),
    Phase.RUNNING: Station(
        "The trainer runs: it loads, trains, evaluates, saves, or ends as it was told to.",
        "GPUs; training time counts from the first step",
        "Nothing. `hours` and `maxCost` may be raised, and `suspend`, `stop` or `cancel` set, at any time.",
    ),
    Phase.SUSPENDING: Station(
        "`suspend` was set: the attempt saves a checkpoint and ends; its pods are not gone yet.",
        "until the pods are gone",
        "Wait for `Suspended`: only then is the hardware free.",
    ),
    Phase.SUSPENDED: Station(
        "`suspend` is true: nothing runs, and no pod is left.",
        NOTHING,
        "Set `suspend` to false to go on from the newest checkpoint; or `stop` and `suspend: false` to publish it, or `cancel`.",
    ),
    Phase.PUBLISHING: Station(
        "The adapter is being merged into its base model and put in place by a Job on CPU; only with `output.merge`.",
        "one pod on CPU",
        "Nothing. If it fails, publishing alone is repeated.",
    ),
    Phase.SUCCEEDED: Station(
        "The model is published; the reason says whether training ended by itself.",
        NOTHING,
        "Take the model from `status.result.uri`. A raised `restartGeneration` begins another run.",
    ),
    Phase.FAILED: Station(
        "No attempt follows. `status.failure` says why, whom it concerns, and what to do.",
        NOTHING,
        "Mend it and raise `restartGeneration`: the new run goes on from the newest checkpoint. Model and datasets never change: mended there, it is a new job.",
    ),
    Phase.CANCELLED: Station(
        "Its owner ended it; nothing of this run is published.",
        NOTHING,
        "To take it up again: `cancel: false` (or `stop: false`) together with a raised `restartGeneration`.",
    ),
}

"""The words of the status: phases, condition types and reasons, each reason with its sentence.

A phase is a summary derived from the rest and never the source of a decision.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Phase(StrEnum):
    """Where a job is, in one word."""

    PENDING = "Pending"
    VALIDATING = "Validating"
    QUEUED = "Queued"
    STARTING = "Starting"
    RUNNING = "Running"
    SUSPENDING = "Suspending"
    SUSPENDED = "Suspended"
    PUBLISHING = "Publishing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


TERMINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})


class ConditionType(StrEnum):
    """The conditions of a FineTuneJob; the last three are kstatus's, read by Helm, Flux and Argo CD."""

    VALIDATED = "Validated"
    RUNNING = "Running"
    COMPLETE = "Complete"
    FAILED = "Failed"
    SUSPENDED = "Suspended"
    STEP_STALLED = "StepStalled"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    READY = "Ready"


class Reason(StrEnum):
    """Why a job is where it is. The sentence is the documentation; the message has the details of the case."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Bind the reason's sentence to it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    # Waiting
    PENDING = "Pending", "The operator has seen the job and has not acted on it yet."
    VALIDATING = "Validating", "Model and data are being checked on CPU; no GPU is held."
    VALIDATED = "Validated", "Model and data were checked and accepted."
    UNSCHEDULABLE = "Unschedulable", "No node can take the pod; the message has the scheduler's words."
    WAITING_FOR_QUEUE = "WaitingForQueue", "The Job waits until its Kueue queue admits it; nothing is held meanwhile."
    WAITING_FOR_POD = "WaitingForPod", "The Job exists and its pod does not yet."
    SCHEDULED = "Scheduled", "A node was found; the container is being created."
    PULLING_IMAGE = "PullingImage", "The node is pulling the image."
    IMAGE_PULL_FAILED = "ImagePullFailed", "The node cannot pull the image; the message has the kubelet's words."
    VOLUME_NOT_READY = "VolumeNotReady", "A volume cannot be bound or mounted; the message says which and why."
    CONTAINER_NOT_STARTED = "ContainerNotStarted", "The kubelet cannot create the container; the message has its words."
    QUOTA_EXCEEDED = "QuotaExceeded", "A quota or policy of the namespace refuses the pod; tried again."
    POD_REFUSED = (
        "PodRefused",
        "The cluster refuses to make the pod; the message says what it names that is missing or wrong.",
    )
    RETRYING = "Retrying", "An attempt ended and the next one will start."
    PODS_REMAIN = (
        "PodsRemain",
        "Pods of an earlier attempt still exist; the next one waits, so that there is never a second writer.",
    )
    NODE_UNREACHABLE = (
        "NodeUnreachable",
        "A pod should have ended and its node does not confirm it; the message says what an administrator must do.",
    )
    FORBIDDEN = (
        "Forbidden",
        "The API server does not permit an object: RBAC, or an admission policy or webhook; tried again.",
    )
    CREATE_FAILED = "CreateFailed", "An object cannot be created at the moment; the message says why; tried again."
    SUSPENDED = (
        "Suspended",
        "Held back by spec.suspend until that is false. Once the phase says so too, nothing runs and no hardware is held.",
    )
    RESTARTED = "Restarted", "A raised restartGeneration asks for a new run: the present attempt ends and it follows."
    STEP_STALLED = (
        "StepStalled",
        "The training gave no sign of life for too long; the attempt ends and the next resumes.",
    )
    # Working
    TERMINATING = "Terminating", "The pod was told to end and saves a checkpoint."
    PUBLISHING = "Publishing", "The model is being merged or uploaded on CPU; no GPU is held."
    LOADING = "Loading", "The trainer is up and loads model and data; training time does not count yet."
    TRAINING = "Training", "The trainer is training."
    # Succeeded
    COMPLETED = "Completed", "All planned steps were trained and the model is published."
    HOURS_EXHAUSTED = "HoursExhausted", "The hours were used up; the model as trained until then is published."
    MAX_COST_REACHED = "MaxCostReached", "The cost reached maxCost; the model as trained until then is published."
    STOPPED = "Stopped", "Asked to stop early; the model as trained until then is published, if there was one."
    # Cancelled
    CANCELLED = "Cancelled", "Cancelled by its owner; nothing is published."
    # Failed
    UNKNOWN_INSTANCE_TYPE = "UnknownInstanceType", "No usable InstanceType of that name exists."
    UNKNOWN_MODEL = (
        "UnknownModel",
        "No usable BaseModel of that name or alias exists, and it is no repository of the Hub.",
    )
    NO_TRAINER_IMAGE = "NoTrainerImage", "The operator has no image of the family that trains this type of model."
    DOES_NOT_FIT = (
        "DoesNotFit",
        "The training does not fit into the memory of the GPUs; the message has the arithmetic.",
    )
    DATASET_NOT_READY = "DatasetNotReady", "A Dataset that the job names does not exist, or is not found valid yet."
    INVALID_DATASET = "InvalidDataset", "A Dataset that the job names was found invalid; the message has its faults."
    INVALID_SPEC = "InvalidSpec", "The spec contradicts itself in a way that the schema cannot tell."
    USER_ERROR = "UserError", "The trainer refused data, model or parameters; failure.param names the field."
    OUT_OF_MEMORY = "OutOfMemory", "The GPU's memory does not hold the training."
    OOM_KILLED = "OOMKilled", "The container exceeded its memory limit."
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded", "It could not be started in time; the message has the obstacle."
    DEADLINE_EXCEEDED = "DeadlineExceeded", "The trainer did not stop by itself when the hours were used up."
    STAGE_DEADLINE_EXCEEDED = (
        "StageDeadlineExceeded",
        "A stage on CPU ran for longer than the administrator allows; it is tried again, up to backoffLimit.",
    )
    LIMIT_EXCEEDED = (
        "LimitExceeded",
        "The pod exceeded a limit of its own: ephemeral storage, an emptyDir or shared memory.",
    )
    NODE_FAILURE = "NodeFailure", "The node ended the pod: eviction, preemption, shutdown or loss."
    JOB_VANISHED = "JobVanished", "The Job or its pod was deleted by somebody else."
    ERROR = "Error", "The container ended with an error that may be worth a retry."
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded", "Retries were used up; the message has the last error."
    NO_PROGRESS = "NoProgress", "Three attempts in a row ended without a new checkpoint."
    NAME_CONFLICT = "NameConflict", "An object that is not ours bears a name that the job needs."

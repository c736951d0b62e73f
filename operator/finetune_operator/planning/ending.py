"""How an attempt ended, and what follows from it: the classification of exit codes, verdicts and disruptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from finetune_operator.api.conditions import Reason
from finetune_operator.api.model import ApiModel
from finetune_operator.api.status import Report
from finetune_operator.planning.observed import Exit, ObservedJob, ObservedPod

USER_ERROR_EXIT: Final = 64
OUT_OF_MEMORY_EXIT: Final = 66
RETRY_EXIT: Final = 75
SIGTERM_EXIT: Final = 143
START_ERROR_EXIT: Final = 128

Outcome = Literal["Succeeded", "UserError", "Platform", "Error"]


class Artifact(ApiModel):
    """The finished model, as the trainer's verdict names it; ``path`` is relative to the workspace."""

    path: str
    kind: Literal["adapter", "model"]
    files: tuple[str, ...] = ()
    bytes: int = 0
    digest: str = ""


class Verdict(ApiModel):
    """The trainer's own word on how a stage ended: ``trainer-image/contract/verdict.schema.json``."""

    contract_version: Literal[1]
    stage: str
    attempt: int
    result: Literal["completed", "deadline", "stopped", "userError", "outOfMemory", "retry", "failed"]
    message: str
    code: str | None = None
    param: str | None = None
    advice: str | None = None
    step: int | None = None
    total_steps: int | None = None
    epoch: float | None = None
    training_seconds: float | None = None
    trained_tokens: int | None = None
    metrics: Annotated[dict[str, float], Field(default_factory=dict)]
    report: Report | None = None
    artifact: Artifact | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ending:
    """How one attempt ended.

    ``outcome`` decides what follows: Succeeded goes on, UserError fails the job, Platform is always retried, Error up
    to the backoff limit.
    """

    outcome: Outcome
    reason: Reason
    message: str
    verdict: Verdict | None = None
    exit_code: int | None = None
    node: str | None = None


def parse_verdict(text: str) -> Verdict | None:
    """The verdict in a termination message; None for anything else, such as log lines."""
    try:
        return Verdict.model_validate_json(text)
    except ValidationError:
        return None


def ending_of(job: ObservedJob) -> Ending:
    """How a settled Job ended. The first rung that applies decides; disruption explains any exit code but success."""
    pod = job.pod
    if pod is None:
        return Ending(
            "Platform", Reason.JOB_VANISHED, f"the pod of Job {job.name} was deleted before its verdict was read"
        )
    verdict = parse_verdict(pod.exit.message) if pod.exit else None
    ending = (
        _succeeded(pod, verdict) or _disrupted(pod) or _judged(pod, verdict) or _ended_by_kubelet(pod) or _unknown(pod)
    )
    return Ending(ending.outcome, ending.reason, ending.message, verdict, pod.exit.code if pod.exit else None, pod.node)


VANISHED: Final = Ending("Platform", Reason.JOB_VANISHED, "the Job was deleted by somebody else")


def _succeeded(pod: ObservedPod, verdict: Verdict | None) -> Ending | None:
    """Exit 0 with a verdict that says so. Exit 0 without one proves nothing: an image that does not keep the contract."""
    if not pod.exit or pod.exit.code != 0 or verdict is None:
        return None
    done = {"completed": Reason.COMPLETED, "deadline": Reason.HOURS_EXHAUSTED, "stopped": Reason.STOPPED}
    reason = done.get(verdict.result)
    return Ending("Succeeded", reason, verdict.message) if reason else None


def _disrupted(pod: ObservedPod) -> Ending | None:
    """The cluster ended the pod: evicted, preempted, its node shut down or lost."""
    if pod.disruption:
        return Ending("Platform", Reason.NODE_FAILURE, pod.disruption)
    if pod.exit and pod.exit.reason == "ContainerStatusUnknown":
        return Ending("Platform", Reason.NODE_FAILURE, "the node lost the container")
    return None


def _judged(pod: ObservedPod, verdict: Verdict | None) -> Ending | None:
    """The trainer's own exit codes."""
    if not pod.exit:
        return None
    message = verdict.message if verdict else _words(pod.exit)
    if pod.exit.code == USER_ERROR_EXIT:
        return Ending("UserError", Reason.USER_ERROR, message)
    if pod.exit.code == OUT_OF_MEMORY_EXIT:
        return Ending("UserError", Reason.OUT_OF_MEMORY, message)
    if pod.exit.code in {RETRY_EXIT, SIGTERM_EXIT}:
        return Ending("Platform", Reason.NODE_FAILURE, message)
    return None


def _ended_by_kubelet(pod: ObservedPod) -> Ending | None:
    """What the kubelet ended or never started for a limit or a mistake of the pod's own: no retry mends it."""
    if pod.exit and pod.exit.reason == "OOMKilled":
        return Ending("UserError", Reason.OOM_KILLED, "the container exceeded the memory of its instance type")
    if pod.reason == "Evicted":
        return Ending("UserError", Reason.ERROR, f"evicted for a limit of its own: {pod.message}")
    if pod.exit and pod.exit.code == START_ERROR_EXIT:
        return Ending("UserError", Reason.CONTAINER_NOT_STARTED, _words(pod.exit))
    return None


def _unknown(pod: ObservedPod) -> Ending:
    if pod.exit is None:
        return Ending("Platform", Reason.NODE_FAILURE, pod.message or f"pod {pod.name} ended without running")
    verdict = parse_verdict(pod.exit.message)
    return Ending("Error", Reason.ERROR, verdict.message if verdict else _words(pod.exit))


def _words(ended: Exit) -> str:
    """What there is to say of an exit that left no verdict: the kubelet's reason and the last log line."""
    last = ended.message.strip().splitlines()[-1:] or [""]
    return f"exit code {ended.code} ({ended.reason or 'no reason given'}){': ' if last[0] else ''}{last[0]}"[:1024]

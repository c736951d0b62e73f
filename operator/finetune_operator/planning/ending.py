"""How an attempt ended, and what follows from it: the classification of exit codes, verdicts and disruptions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from finetune_operator.api.conditions import Reason
from finetune_operator.api.course import LONGEST_METRIC_NAME, MOST_METRICS
from finetune_operator.api.model import ApiModel, Count, Measure
from finetune_operator.api.status import Outcome, Report
from finetune_operator.planning.observed import Exit, ObservedJob, ObservedPod

USER_ERROR_EXIT: Final = 64
OUT_OF_MEMORY_EXIT: Final = 66
RETRY_EXIT: Final = 75
SIGTERM_EXIT: Final = 143
START_ERROR_EXIT: Final = 128
BUS_ERROR_EXIT: Final = 135
PEER_LOST: Final = "PeerLost"
"""The code of a verdict that only follows from another pod's end."""
HOST_OUT_OF_MEMORY: Final = "HostOutOfMemory"
"""The code of a verdict whose process was killed for memory while the container lived on: the kubelet tells nothing of it."""
WORDS: Final = ("code", "param", "advice", "lines")
"""Of a verdict: what tells a user why."""

DOING: Final[Mapping[str, str]] = {
    "prepare": "the check of model and data",
    "train": "the training",
    "publish": "merging and publishing",
    "inspect": "the inspection of the data",
}
"""What a pod does, by its stage."""


def _first(most: int) -> BeforeValidator:
    """Keeps the first ``most`` characters or items: an image that does not keep the contract must not break a status."""
    return BeforeValidator(lambda value: value[:most] if isinstance(value, str | list) else value)


def _storable(value: object) -> object:
    """Of metrics, those that JSON can hold and the status has room for."""
    if not isinstance(value, dict):
        return value
    finite = {k[:LONGEST_METRIC_NAME]: v for k, v in value.items() if isinstance(v, int | float) and math.isfinite(v)}
    return dict(list(finite.items())[:MOST_METRICS])


class Artifact(ApiModel):
    """The finished model, as the trainer's verdict names it; ``path`` is relative to the workspace."""

    path: Annotated[str, _first(512)]
    uri: Annotated[str | None, _first(1024)] = None
    """Where it was published, if that is not the workspace."""
    revision: Annotated[str | None, _first(256)] = None
    kind: Literal["adapter", "model"]
    files: Annotated[tuple[Annotated[str, _first(253)], ...], _first(32)] = ()
    bytes: Count = 0
    digest: Annotated[str, _first(80)] = ""


class Verdict(ApiModel):
    """The trainer's own word on how a stage ended: ``trainer-image/contract/verdict.schema.json``."""

    model_config = ConfigDict(allow_inf_nan=False)

    contract_version: Literal[1]
    stage: str
    attempt: int
    result: Literal["completed", "deadline", "stopped", "userError", "outOfMemory", "retry", "failed"]
    message: Annotated[str, _first(1024)]
    code: Annotated[str | None, _first(64)] = None
    param: Annotated[str | None, _first(253)] = None
    advice: Annotated[str | None, _first(1024)] = None
    step: Count | None = None
    total_steps: Count | None = None
    epoch: Measure | None = None
    training_seconds: Measure | None = None
    wasted_seconds: Measure | None = None
    trained_tokens: Count | None = None
    metrics: Annotated[dict[str, float], BeforeValidator(_storable)] = Field(default_factory=dict)
    report: Report | None = None
    artifact: Artifact | None = None
    lines: Annotated[tuple[Annotated[str, _first(256)], ...], _first(8)] = ()


@dataclass(frozen=True)
class Ending:
    """How one attempt ended.

    ``outcome`` decides what follows: Succeeded goes on, UserError fails the job, Platform is always retried, Error up
    to the backoff limit; what follows Requested is what was asked for.
    """

    outcome: Outcome
    reason: Reason
    message: str
    verdict: Verdict | None = None
    exit_code: int | None = None
    node: str | None = None

    def because(self, reason: Reason) -> Ending:
        """The same end for this reason."""
        return replace(self, reason=reason)


def parse_verdict(text: str) -> Verdict | None:
    """The verdict in a termination message; None for anything else, such as log lines."""
    try:
        return Verdict.model_validate_json(text)
    except ValidationError:
        return None


def ending_of(job: ObservedJob) -> Ending:
    """How a settled Job ended.

    Of several pods the first one speaks for all: its success is the attempt's, and its verdict has the numbers. When it
    did not succeed, the pod decides whose end the others only followed.
    """
    return _ending_of_pods(job.witnesses, f"the pod of Job {job.name}")


def ending_of_departed(pods: Sequence[ObservedPod]) -> Ending:
    """How an attempt ended whose Job is gone: by what its pods last said; one that said nothing just vanished."""
    spoken = {pod.index: pod for pod in sorted(pods, key=lambda pod: pod.created) if pod.testifies}
    return _ending_of_pods([spoken[index] for index in sorted(spoken)], "the pod") if spoken else VANISHED


def _ending_of_pods(witnesses: Iterable[ObservedPod], whose: str) -> Ending:
    endings = [(pod, _ending_of_pod(pod)) for pod in witnesses]
    leader = next((ending for pod, ending in endings if pod.index == 0), None)
    if leader and (leader.outcome == "Succeeded" or len(endings) == 1):
        return leader
    pod, cause = min(endings, key=lambda each: _follows(*each), default=(None, VANISHED))
    if pod is None or cause.outcome == "Succeeded":
        message = f"{whose} was deleted before its verdict was read"
        return Ending("Platform", Reason.JOB_VANISHED, message)
    if pod.index == 0:
        return cause
    return replace(
        cause,
        message=f"{pod.name}: {cause.message}",
        verdict=_with_numbers(cause.verdict, leader.verdict if leader else None),
        node=leader.node if leader else cause.node,
    )


def _follows(pod: ObservedPod, ending: Ending) -> int:
    """The rank among the causes of one attempt's end. Losing a peer and being told to end for it come last."""
    if ending.outcome == "Succeeded":
        return 5
    lost = ending.verdict is not None and ending.verdict.code == PEER_LOST
    if lost or (pod.ends_by and not pod.disruption):
        return 4
    if ending.outcome == "Platform":
        return 0 if pod.disruption else 3
    return 1 if ending.outcome == "UserError" else 2


def _with_numbers(cause: Verdict | None, leader: Verdict | None) -> Verdict | None:
    """The words of the pod that ended first, the numbers of the one that counts them."""
    if leader is None:
        return cause
    words = cause.model_dump(include=set(WORDS)) if cause else {}
    return leader.model_copy(update={"code": None, "param": None, "advice": None, "lines": ()} | words)


def _ending_of_pod(pod: ObservedPod) -> Ending:
    """How one pod ended. The first rung that applies decides.

    Disruption explains any exit code but success, and so does an eviction for the pod's own limit: the trainer answers
    both to SIGTERM as if it were to be started again.
    """
    verdict = parse_verdict(pod.exit.message) if pod.exit else None
    ending = (
        _succeeded(pod, verdict)
        or _disrupted(pod)
        or _evicted(pod)
        or _lost(pod)
        or _deleted(pod, verdict)
        or _judged(pod, verdict)
        or _ended_for_a_limit(pod, verdict)
        or _unknown(pod, verdict)
    )
    return replace(ending, verdict=verdict, exit_code=pod.exit.code if pod.exit else None, node=pod.node)


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
    return None


def _evicted(pod: ObservedPod) -> Ending | None:
    """Evicted and not disrupted: for a limit of the pod's own. No retry mends that."""
    if pod.reason == "Evicted":
        return Ending("UserError", Reason.LIMIT_EXCEEDED, f"evicted for a limit of its own: {pod.message}")
    return None


def _lost(pod: ObservedPod) -> Ending | None:
    if pod.exit and pod.exit.reason == "ContainerStatusUnknown":
        return Ending("Platform", Reason.NODE_FAILURE, "the node lost the container")
    return None


def _deleted(pod: ObservedPod, verdict: Verdict | None) -> Ending | None:
    """Told to end, by nobody of the cluster who would say why, and it did as it was told."""
    if pod.ends_by is None or pod.exit is None or pod.exit.code not in {RETRY_EXIT, SIGTERM_EXIT}:
        return None
    if verdict and verdict.code == PEER_LOST:
        return None
    said = verdict.message if verdict else _words(pod.exit)
    return Ending("Platform", Reason.JOB_VANISHED, f"the pod was deleted: {said}")


def _judged(pod: ObservedPod, verdict: Verdict | None) -> Ending | None:
    """The trainer's own exit codes."""
    if not pod.exit:
        return None
    message = verdict.message if verdict else _words(pod.exit)
    if verdict and verdict.code == Reason.DEADLINE_EXCEEDED:
        return Ending("UserError", Reason.DEADLINE_EXCEEDED, message)
    if pod.exit.code == USER_ERROR_EXIT:
        return Ending("UserError", Reason.USER_ERROR, message)
    if pod.exit.code == OUT_OF_MEMORY_EXIT:
        return Ending("UserError", Reason.OUT_OF_MEMORY, message)
    if pod.exit.code in {RETRY_EXIT, SIGTERM_EXIT}:
        return Ending("Platform", Reason.NODE_FAILURE, message)
    return None


def _ended_for_a_limit(pod: ObservedPod, verdict: Verdict | None) -> Ending | None:
    """What was ended or never started for a limit or a mistake of the pod's own: no retry mends it."""
    if (pod.exit and pod.exit.reason == "OOMKilled") or (verdict and verdict.code == HOST_OUT_OF_MEMORY):
        return _too_much_memory(pod)
    if pod.exit and pod.exit.code == BUS_ERROR_EXIT:
        message = "bus error (exit code 135): /dev/shm, the instance type's sharedMemory, is full"
        return Ending("UserError", Reason.LIMIT_EXCEEDED, message)
    if pod.exit and pod.exit.code == START_ERROR_EXIT:
        return Ending("UserError", Reason.CONTAINER_NOT_STARTED, _words(pod.exit))
    return None


def _too_much_memory(pod: ObservedPod) -> Ending:
    limit = f", which is {pod.memory}" if pod.memory else ""
    return Ending("UserError", Reason.OOM_KILLED, f"{DOING[pod.stage]} exceeded the container's memory limit{limit}")


def _unknown(pod: ObservedPod, verdict: Verdict | None) -> Ending:
    if pod.exit is None:
        return Ending("Platform", Reason.NODE_FAILURE, pod.message or f"pod {pod.name} ended without running")
    # What was trained is on the volume: publishing it is worth any number of tries, and holds no GPU.
    outcome: Outcome = "Platform" if pod.stage == "publish" else "Error"
    if verdict:
        return Ending(outcome, Reason.ERROR, verdict.message)
    if pod.exit.code == 0:
        message = "exit code 0 without a verdict: the image does not keep the trainer contract"
        return Ending(outcome, Reason.ERROR, message)
    return Ending(outcome, Reason.ERROR, _words(pod.exit))


def _words(ended: Exit) -> str:
    """What there is to say of an exit that left no verdict: the kubelet's reason and the last log line."""
    last = ended.message.strip().splitlines()[-1:] or [""]
    return f"exit code {ended.code} ({ended.reason or 'no reason given'}){': ' if last[0] else ''}{last[0]}"[:1024]

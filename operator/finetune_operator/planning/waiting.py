"""Why an attempt is not running yet, in the cluster's own words: a ladder of early returns, one reason a rung."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.planning.observed import Hint, ObservedJob, ObservedPod, Waiting

CONFIRMATION: Final = timedelta(seconds=30)
"""A node that answers tells of an ended pod within seconds of its grace."""

IMAGE_REASONS: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
CONTAINER_REASONS: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}
)
PULLED_HINTS: Final = frozenset({"Pulled", "Created", "Started"})
VOLUME_HINTS: Final = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume", "ProvisioningFailed"})

_NAMES: Final = re.compile(r"\{[^}]*\}|\"[^\"]*\"")
"""In the scheduler's words, what users called their taints and claims."""
_VOLUME: Final = re.compile(r"volume|pvc\(s\)|enough free storage|available disk", re.IGNORECASE)
_TAKEN: Final = re.compile(
    r"Insufficient |Too many pods|free ports|max volume count|were unschedulable|node\.kubernetes\.io/"
)
"""Of nodes that may do later: full ones, cordoned ones, and those with a taint that the cluster puts and takes."""

MISSING: Final = {
    "PriorityClass": "spec.priorityClassName: create the PriorityClass, or name one that exists",
    "service account": "spec.podTemplate.serviceAccountName: create the ServiceAccount, or name one that exists",
}
"""What the Job controller's Events call missing, and what to do."""


@dataclass(frozen=True)
class Why:
    """Where a job is and why, for its status."""

    phase: Phase
    reason: Reason
    message: str


def why_waiting(job: ObservedJob, hints: tuple[Hint, ...]) -> Why | None:
    """Why the attempt's containers do not all run; None once they do, or one of them did and ended."""
    if job.over:
        return None
    pod = job.slowest
    if pod is None:
        return _no_pod(job, hints)
    if pod.running_since:
        return None
    # The scheduler's word may come late: what is on a node was placed.
    if pod.unschedulable and pod.node is None:
        return Why(Phase.QUEUED, _unschedulable_reason(pod.unschedulable), pod.unschedulable)
    if pod.node is None:
        return _not_placed(job)
    return _on_node(pod, hints)


def why_ending(pod: ObservedPod, now: datetime) -> Why | None:
    """Why a pod that was told to end is still there: it saves a checkpoint, or its node does not answer."""
    if pod.ends_by is None or pod.terminal:
        return None
    cause = f": {pod.disruption}" if pod.disruption else ""
    if now < pod.ends_by + CONFIRMATION:
        return Why(Phase.RUNNING, Reason.TERMINATING, f"pod {pod.name} was told to end{cause}")
    advice = "bring the node back or, once it is surely off, delete its Node object"
    message = f"node {pod.node} does not confirm that pod {pod.name} has ended{cause}; an administrator must {advice}"
    return Why(Phase.RUNNING, Reason.NODE_UNREACHABLE, message)


def _no_pod(job: ObservedJob, hints: tuple[Hint, ...]) -> Why:
    """The Job waits for its turn, or the Job controller could not make a pod: a quota, a limit range or pod security.

    Of the latter only its Event tells.
    """
    if job.queue:
        return Why(Phase.QUEUED, Reason.WAITING_FOR_QUEUE, f"Job {job.name} waits in the queue {job.queue}")
    refused = next((hint for hint in hints if hint.reason == "FailedCreate"), None)
    if refused:
        return _refused(refused.message)
    return _not_placed(job)


def _refused(said: str) -> Why:
    """A class or an account that is missing is no matter of quota; the field says where it was named."""
    for kind, remedy in MISSING.items():
        if re.search(rf"no {kind} with name|{kind} \S+ not found|error looking up {kind}", said, re.IGNORECASE):
            return Why(Phase.QUEUED, Reason.POD_REFUSED, f"{remedy}: {said}")
    return Why(Phase.QUEUED, Reason.QUOTA_EXCEEDED, said)


def _not_placed(job: ObservedJob) -> Why:
    """One sentence for the moments before and after the pod is made: telling them apart would cost a write."""
    return Why(Phase.QUEUED, Reason.WAITING_FOR_POD, f"the pod of Job {job.name} is being made and placed")


def _unschedulable_reason(message: str) -> Reason:
    """What the pod waits for: the scheduler looks at a node's volumes only when taints, labels and room are right.

    A node that cannot take it now may have its volumes in reach later, so that such a one is what it waits for first.
    """
    said = message.partition(" preemption: ")[0]
    of_volumes = _VOLUME.search(_NAMES.sub("", said)) and not _TAKEN.search(said)
    return Reason.VOLUME_NOT_READY if of_volumes else Reason.UNSCHEDULABLE


def _on_node(pod: ObservedPod, hints: tuple[Hint, ...]) -> Why:
    waiting = pod.waiting or Waiting("", "")
    said = f"{waiting.reason}: {waiting.message}" if waiting.message else waiting.reason
    if waiting.reason in IMAGE_REASONS:
        return Why(Phase.STARTING, Reason.IMAGE_PULL_FAILED, said)
    if waiting.reason in CONTAINER_REASONS:
        return Why(Phase.STARTING, Reason.CONTAINER_NOT_STARTED, said)
    for hint in hints:
        if hint.reason in VOLUME_HINTS:
            return Why(Phase.STARTING, Reason.VOLUME_NOT_READY, hint.message)
        if hint.reason == "Pulling":
            return Why(Phase.STARTING, Reason.PULLING_IMAGE, hint.message)
        if hint.reason in PULLED_HINTS:
            break  # the hints are newest first: what came before is mended
    return Why(Phase.STARTING, Reason.SCHEDULED, f"node {pod.node} is creating the container")

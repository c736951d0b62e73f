"""Who may report on a job: a pod of the current attempt of its training, as the store knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, RUN_LABEL, STAGE_LABEL, UID_LABEL
from finetune_operator.cluster.resources import Key
from finetune_operator.planning.job import parse_time
from finetune_operator.reconciler.progress.refusal import PostRefusedError
from finetune_operator.reconciler.progress.tokens import PodIdentity
from finetune_operator.reconciler.store import Children

TRAIN: Final = "train"


@dataclass(frozen=True)
class Reporter:
    """A pod that may report, and what it reports on."""

    key: Key
    job_uid: str
    attempt: int
    pod_uid: str
    pod_created: datetime
    run: int = 0


def reporter_of(identity: PodIdentity, job: Json, children: Children) -> Reporter:
    """The reporter that a verified token stands for. Raises PostRefusedError (403) that says which link is missing."""
    key = Key(job["metadata"]["namespace"], job["metadata"]["name"])
    uid = job["metadata"]["uid"]
    pod = _pod_of(identity, key, uid, children.pods)
    attempt, current = _number(pod, ATTEMPT_LABEL), _current_attempt(job, children.jobs)
    if attempt != current:
        raise _forbidden(f"pod {identity.pod_name} belongs to attempt {attempt}; the current attempt is {current}")
    created = parse_time(pod["metadata"]["creationTimestamp"])
    return Reporter(key, uid, attempt, identity.pod_uid, created, _number(pod, RUN_LABEL))


def _pod_of(identity: PodIdentity, key: Key, uid: str, pods: Iterable[Json]) -> Json:
    pod = next((pod for pod in pods if pod["metadata"]["uid"] == identity.pod_uid), None)
    if pod is None or _labels(pod).get(UID_LABEL) != uid or identity.namespace != key.namespace:
        raise _forbidden(f"pod {identity.namespace}/{identity.pod_name} is no pod of FineTuneJob {key}")
    stage = _labels(pod).get(STAGE_LABEL)
    if stage != TRAIN:
        raise _forbidden(f"pod {identity.pod_name} is of stage {stage}; only stage {TRAIN} reports progress")
    return pod


def _current_attempt(job: Json, jobs: Iterable[Json]) -> int:
    """The highest attempt at training in the cluster or in the records: the operator may know one before the other."""
    seen = [_number(child, ATTEMPT_LABEL) for child in jobs if _labels(child).get(STAGE_LABEL) == TRAIN]
    recorded = job.get("status", {}).get("attempts", ())
    return max([*seen, *(attempt["number"] for attempt in recorded if attempt["stage"] == TRAIN)], default=0)


def _number(child: Json, label: str) -> int:
    text = str(_labels(child).get(label, ""))
    return int(text) if text.isdecimal() else 0


def _labels(child: Json) -> Json:
    labels: Json = child["metadata"].get("labels") or {}
    return labels


def _forbidden(message: str) -> PostRefusedError:
    return PostRefusedError(HTTPStatus.FORBIDDEN, message)

"""A small cluster in memory for the state machine: one FineTuneJob, its Jobs and pods, and an operator that may die.

It plays the API server (creates are compare-and-set, a status write with a stale version is a conflict), the Job
controller, the kubelet and a watch that lags. The operator's half is the one sentence of ``reconcile`` with the real
``stand``, ``decide`` and ``assess``.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.assess import assess
from finetune_operator.planning.decide import CreateStage, decide
from finetune_operator.planning.job import parse_job
from finetune_operator.planning.observed import Beside, Observed, observe
from finetune_operator.planning.patch import merge_patch
from finetune_operator.planning.resolve import Admission
from finetune_operator.planning.stand import stand, unconfirmed
from finetune_operator.planning.standing import View
from tests.unit.planning.scene import (
    NOW,
    ended_pod,
    job_body,
    resolved_for,
    running_pod,
    stage_job,
    stamp,
    verdict,
)

Crash = Literal["before the create", "between create and status", "never"]
Key = tuple[str, int]


class Crashed(Exception):  # noqa: N818 - it is an event of the story
    """The operator was killed."""


@dataclass
class Cluster:
    """What the API server holds."""

    body: Json
    jobs: dict[Key, Json] = field(default_factory=dict)
    pods: dict[Key, Json] = field(default_factory=dict)
    gone: dict[Key, Json] = field(default_factory=dict)
    """Pods that went, as they last were."""
    version: int = 1
    created: list[Key] = field(default_factory=list)
    status_writes: int = 0

    def create(self, key: Key) -> None:
        """A Job of a stage and attempt, and at once its pod, which runs; one that exists is left as it is."""
        if key not in self.jobs:
            self.created.append(key)
            self.jobs[key] = stage_job(*key)
            self.pods[key] = running_pod(*key)

    def write_status(self, patch: Json, version: str) -> bool:
        """Merge the patch unless the version is stale."""
        if version != self.body["metadata"]["resourceVersion"]:
            return False
        self.version += 1
        self.status_writes += 1
        body = copy.deepcopy(self.body)
        body["status"] = _merged(body["status"], patch)
        body["metadata"]["resourceVersion"] = str(self.version)
        self.body = body
        return True


@dataclass
class World:
    """The cluster, what the operator has seen of it, and the time."""

    cluster: Cluster = field(default_factory=lambda: Cluster(job_body({"backoffLimit": 2})))
    seen_jobs: dict[Key, Json] = field(default_factory=dict)
    seen_pods: dict[Key, Json] = field(default_factory=dict)
    seen_gone: dict[Key, Json] = field(default_factory=dict)
    now: datetime = NOW
    creates: int = 0
    """Jobs asked for in the last reconcile."""

    @property
    def status(self) -> FineTuneJobStatus:
        """As the API server holds it."""
        return FineTuneJobStatus.model_validate(self.cluster.body["status"])

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def watch(self, *, jobs: bool = True, pods: bool = True) -> None:
        """Let the watch bring what it has not brought yet, of one kind or of both."""
        if jobs:
            self.seen_jobs = dict(self.cluster.jobs)
        if pods:
            self.seen_pods = dict(self.cluster.pods)
            self.seen_gone = dict(self.cluster.gone)

    def reconcile(self, crash: Crash = "never") -> bool:
        """One visit of the operator, killed at that point. True when it wrote a status."""
        job = parse_job(self.cluster.body)
        resolved = job.status.resolved or resolved_for(job)
        view = View(job, self._look(), self.now)
        standing = stand(view, None)
        if unconfirmed(standing, view):
            self.watch()
            view = replace(view, observed=replace(self._look(), confirmed=True))
            standing = stand(view, None)
        wanted = [action for action in decide(standing, own_claim=True) if isinstance(action, CreateStage)]
        self.creates = len(wanted)
        if crash == "before the create":
            raise Crashed
        for action in wanted:
            key = (action.stage, action.attempt)
            self.cluster.create(key)
            self.seen_jobs[key] = self.cluster.jobs[key]
        if crash == "between create and status":
            raise Crashed
        if wanted:
            view = replace(view, observed=self._look())
            standing = stand(view, None)
        patch = merge_patch(self.cluster.body["status"], assess(view, standing, Admission(resolved), None).wire())
        return bool(patch) and self.cluster.write_status(patch, job.resource_version)

    # ---- what the Job controller and the kubelet do ---------------------------------------------

    def end_pod(self, key: Key, code: int, message: str = "") -> None:
        """The container of a running pod ends."""
        if _alive(self.cluster.pods.get(key)):
            self.cluster.pods[key] = ended_pod(*key, code=code, message=message)

    def disrupt(self, key: Key) -> None:
        """The node ends a running pod."""
        if _alive(self.cluster.pods.get(key)):
            condition = {"type": "DisruptionTarget", "status": "True", "message": "node drained"}
            self.cluster.pods[key] = ended_pod(*key, code=143, conditions=[condition])

    def lose_pod(self, key: Key) -> None:
        """A pod object goes away; its Job counts it as failed."""
        if (pod := self.cluster.pods.pop(key, None)) is not None:
            self.cluster.gone[key] = pod
            self._finish(key, "Failed")

    def settle_job(self, key: Key) -> None:
        """The Job controller notes that the pod has ended."""
        pod = self.cluster.pods.get(key)
        if pod is not None and not _alive(pod):
            self._finish(key, "Complete" if pod["status"]["phase"] == "Succeeded" else "Failed")

    def delete_job(self, key: Key) -> None:
        """Somebody deletes a Job; its pod goes on for its grace period."""
        self.cluster.jobs.pop(key, None)

    def collect(self, key: Key) -> None:
        """The garbage collector ends and removes a pod without a Job."""
        if key not in self.cluster.jobs:
            self.cluster.pods.pop(key, None)

    def _finish(self, key: Key, how: str) -> None:
        if key in self.cluster.jobs and not _finished(self.cluster.jobs[key]):
            self.cluster.jobs[key] = stage_job(*key, ended=how)
            self.cluster.jobs[key]["status"]["conditions"][0]["lastTransitionTime"] = stamp(self.now)

    def _look(self) -> Observed:
        return observe(
            self.seen_jobs.values(), self.seen_pods.values(), Beside(departed=tuple(self.seen_gone.values()))
        )


def success(key: Key) -> str:
    """The verdict of a stage that succeeded."""
    stage, attempt = key
    report = {"rows": 1, "tokens": 2, "warnings": []} if stage == "prepare" else None
    more: Json = {"report": report} if report else {"step": 9, "training_seconds": 5.0 * attempt}
    return verdict("completed", stage=stage, attempt=attempt, **more)


def live(pods: dict[Key, Json], stage: str) -> list[Key]:
    """Pods of a stage that may write."""
    return [key for key, pod in pods.items() if key[0] == stage and _alive(pod)]


def _alive(pod: Json | None) -> bool:
    return pod is not None and pod["status"]["phase"] == "Running"


def _finished(job: Json) -> bool:
    return bool(job["status"]["conditions"])


def _merged(target: Json, patch: Json) -> Json:
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key) or {}, value)
        else:
            result[key] = value
    return result

"""A small cluster in memory for the state machine: one FineTuneJob, its Jobs and pods, and an operator that may die.

It plays the API server (creates are compare-and-set, a status write with a stale version is a conflict), the Job
controller, the garbage collector, the kubelet and a watch that lags. The operator's half is the one sentence of
``reconcile`` with the real ``present``, ``stand``, ``decide`` and ``assess``.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import FINISH_LABEL, RUN_LABEL
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.planning.assess import assess
from finetune_operator.planning.decide import Action, CreateStage, Needs, Remove, decide
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.observed import Beside, Observed
from finetune_operator.planning.observing import observe
from finetune_operator.planning.patch import merge_patch
from finetune_operator.planning.present_run import for_run, present
from finetune_operator.planning.progress import Progress
from finetune_operator.planning.resolve import Admission
from finetune_operator.planning.stand import late, stand, unconfirmed
from finetune_operator.planning.standing import Standing, View
from tests.unit.planning.scene import (
    NOW,
    ended_pod,
    job_body,
    pod,
    resolved_for,
    running_pod,
    stage_job,
    stamp,
    verdict,
)

Key = tuple[str, int]
NEVER: Final = 99
"""Writes after which an operator that lives on would die."""
PRICE: Final = {"pricePerHour": 2.0, "currency": "EUR"}
FORM: Final[Json] = {"backoffLimit": 2, "suspend": False, "stop": False, "cancel": False, "restartGeneration": 0}


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

    def create(self, action: CreateStage, run: int, now: datetime) -> None:
        """A Job of a stage and attempt, and its pod, which waits; one that exists is left as it is."""
        key = (action.stage, action.attempt)
        if key in self.jobs:
            return
        self.created.append(key)
        self.jobs[key] = stage_job(*key, created=now)
        self.jobs[key]["metadata"]["labels"] |= {RUN_LABEL: str(run)} | ({FINISH_LABEL: ""} if action.finish else {})
        self.pods[key] = pod(*key, phase="Pending")

    def remove(self, key: Key, now: datetime) -> None:
        """Tell a Job to go once its pods are gone, and its pods to end."""
        for body in (self.jobs.get(key), self.pods.get(key)):
            if body is not None:
                body["metadata"].setdefault("deletionTimestamp", stamp(now + timedelta(seconds=30)))

    def edit(self, changes: Json) -> None:
        """Somebody edits the spec."""
        self._next_version()
        self.body["metadata"]["generation"] += 1
        self.body["spec"] |= changes

    def write_status(self, patch: Json, version: str) -> bool:
        """Merge the patch unless the version is stale."""
        if version != self.body["metadata"]["resourceVersion"]:
            return False
        self.status_writes += 1
        self._next_version()
        self.body["status"] = _merged(self.body["status"], patch)
        return True

    def _next_version(self) -> None:
        self.version += 1
        self.body = copy.deepcopy(self.body)
        self.body["metadata"]["resourceVersion"] = str(self.version)


@dataclass
class Mind:
    """What one life of the operator has seen of the cluster and heard from trainers."""

    body: Json
    jobs: dict[Key, Json] = field(default_factory=dict)
    pods: dict[Key, Json] = field(default_factory=dict)
    gone: dict[Key, Json] = field(default_factory=dict)
    progress: Progress | None = None

    def look(self, *, confirmed: bool = False) -> Observed:
        """As values."""
        beside = Beside(self.progress, confirmed=confirmed, departed=tuple(self.gone.values()))
        return observe(self.jobs.values(), self.pods.values(), beside)


@dataclass
class World:
    """The cluster, the operator's mind, and the time."""

    cluster: Cluster = field(default_factory=lambda: Cluster(job_body(FORM)))
    now: datetime = NOW
    writes: int = 0
    """Of the last visit: creations, removals and status."""
    mind: Mind = field(init=False)

    def __post_init__(self) -> None:
        """The operator starts."""
        self.begin_anew()

    @property
    def status(self) -> FineTuneJobStatus:
        """As the API server holds it."""
        return FineTuneJobStatus.model_validate(self.cluster.body["status"])

    @property
    def spec(self) -> Json:
        """What is asked for."""
        spec: Json = self.cluster.body["spec"]
        return spec

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    # ---- the operator ---------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """An operator starts and lists everything."""
        cluster = copy.deepcopy(self.cluster)
        self.mind = Mind(cluster.body, cluster.jobs, cluster.pods)

    def watch(self, *, body: bool = True, jobs: bool = True, pods: bool = True) -> None:
        """Let the watch bring what it has not brought yet, of one kind or of several."""
        cluster = copy.deepcopy(self.cluster)
        if body:
            self.mind.body = cluster.body
        if jobs:
            self.mind.jobs = cluster.jobs
        if pods:
            self.mind.gone |= {key: last for key, last in cluster.gone.items() if key in self.mind.pods}
            self.mind.pods = cluster.pods

    def reconcile(self, killed_after: int = NEVER) -> bool:
        """One visit of the operator, killed after so many writes. True when it wrote a status."""
        self.writes = 0
        stored = parse_job(self.mind.body)
        view, standing, plan = self._stand(stored, self.mind.look())
        if unconfirmed(standing, view):
            self.watch(body=False)
            view, standing, plan = self._stand(stored, self.mind.look(confirmed=True))
        decided = decide(standing, Needs("prepare"), late(view))
        actions = [a for a in decided if isinstance(a, CreateStage | Remove)]
        for action in actions:
            self._count_or_die(killed_after)
            self._act(action, view.job.run)
        if actions:
            view = replace(view, observed=self.mind.look())
            standing = stand(view, None)
        patch = merge_patch(self.mind.body["status"], assess(view, standing, plan, None).wire())
        self._count_or_die(killed_after, writes=bool(patch))
        return bool(patch) and self._write(patch, stored)

    def _stand(self, stored: Job, observed: Observed) -> tuple[View, Standing, Admission]:
        job = present(stored, observed)
        view = View(job, observed, self.now)
        resolved = job.status.resolved or for_run(resolved_for(job, **PRICE), view)
        return view, stand(view, None), Admission(resolved)

    def _count_or_die(self, killed_after: int, *, writes: bool = True) -> None:
        if self.writes >= killed_after:
            raise Crashed
        self.writes += writes

    def _act(self, action: Action, run: int) -> None:
        match action:
            case CreateStage(stage, attempt):
                self.cluster.create(action, run, self.now)
                self.mind.jobs[stage, attempt] = copy.deepcopy(self.cluster.jobs[stage, attempt])
            case Remove(job):
                self.cluster.remove((job.stage, job.attempt), self.now)
            case _:
                raise AssertionError(action)

    def _write(self, patch: Json, stored: Job) -> bool:
        written = self.cluster.write_status(patch, stored.resource_version)
        if written:
            self.mind.body = copy.deepcopy(self.cluster.body)
        return written

    # ---- what the Job controller, the garbage collector and the kubelet do ----------------------

    def start_pod(self, key: Key) -> None:
        """The container of a pod that waits runs, unless it was told to end before."""
        body = self.cluster.pods.get(key)
        if body is not None and body["status"]["phase"] == "Pending" and not _told_to_end(body):
            self._put_pod(key, running_pod(*key, since=self.now))

    def end_pod(self, key: Key, code: int, message: str = "") -> None:
        """The container of a running pod ends."""
        if _runs(self.cluster.pods.get(key)):
            self._put_pod(key, ended_pod(*key, code=code, message=message))

    def disrupt(self, key: Key) -> None:
        """The node ends a running pod."""
        if _runs(self.cluster.pods.get(key)):
            condition = {"type": "DisruptionTarget", "status": "True", "message": "node drained"}
            self._put_pod(key, ended_pod(*key, code=143, conditions=[condition]))

    def lose_pod(self, key: Key) -> None:
        """A pod object goes away, whatever it did; its Job counts it as failed."""
        if (last := self.cluster.pods.pop(key, None)) is not None:
            self.cluster.gone[key] = last
            self._finish(key, "Failed")

    def settle_job(self, key: Key) -> None:
        """The Job controller notes that the pod has ended. It leaves a Job that goes alone."""
        body = self.cluster.pods.get(key)
        if body is not None and body["status"]["phase"] in {"Succeeded", "Failed"}:
            self._finish(key, "Complete" if body["status"]["phase"] == "Succeeded" else "Failed")

    def delete_job(self, key: Key) -> None:
        """Somebody deletes a Job; its pod goes on for its grace period."""
        self.cluster.jobs.pop(key, None)

    def collect(self, key: Key) -> None:
        """The garbage collector: a pod that was told to go is gone once it has ended, and then its Job; orphans end."""
        job, body = self.cluster.jobs.get(key), self.cluster.pods.get(key)
        if body is not None and (job is None or (_told_to_end(body) and not _runs(body))):
            self.cluster.gone[key] = self.cluster.pods.pop(key)
        if job is not None and key not in self.cluster.pods and _told_to_end(job):
            del self.cluster.jobs[key]

    def _put_pod(self, key: Key, body: Json) -> None:
        before = self.cluster.pods[key]["metadata"]
        if "deletionTimestamp" in before:
            body["metadata"]["deletionTimestamp"] = before["deletionTimestamp"]
        self.cluster.pods[key] = body

    def _finish(self, key: Key, how: str) -> None:
        job = self.cluster.jobs.get(key)
        if job is not None and not job["status"]["conditions"] and not _told_to_end(job):
            condition = {"type": how, "status": "True", "lastTransitionTime": stamp(self.now)}
            job["status"] = {"conditions": [condition]}


def success(key: Key, result: str = "completed") -> str:
    """The verdict of a stage that succeeded."""
    stage, attempt = key
    report = {"rows": 1, "tokens": 2, "warnings": []} if stage == "prepare" else None
    more: Json = {"report": report} if report else {"step": 9, "training_seconds": 5.0 * attempt}
    return verdict(result, stage=stage, attempt=attempt, **more)


def live(pods: dict[Key, Json]) -> list[Key]:
    """Pods that write, or will."""
    return [key for key, body in pods.items() if body["status"]["phase"] in {"Pending", "Running"}]


def _runs(body: Json | None) -> bool:
    return body is not None and body["status"]["phase"] == "Running"


def _told_to_end(body: Json) -> bool:
    return "deletionTimestamp" in body["metadata"]


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

"""What the cluster says of a job's children, parsed from raw JSON into values that decisions read. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast, get_args

from finetune_operator.api.model import Json
from finetune_operator.api.names import (
    ATTEMPT_LABEL,
    FINISH_LABEL,
    INDEX_LABEL,
    QUEUE_LABEL,
    RUN_LABEL,
    STAGE_LABEL,
)
from finetune_operator.api.status import Stage
from finetune_operator.planning.job import parse_time
from finetune_operator.planning.progress import Progress

CONTAINER: Final = "trainer"
"""The name of the container that trains, in every pod of ours."""
LAST_WORDS: Final = timedelta(seconds=5)
"""How long the news of a pod's end may be behind the news of its Job's."""


@dataclass(frozen=True)
class Exit:
    """How a container ended. ``reason`` is the kubelet's (Completed, Error, OOMKilled, StartError …)."""

    code: int
    reason: str
    message: str


@dataclass(frozen=True)
class Waiting:
    """Why a container does not run yet, in the kubelet's words."""

    reason: str
    message: str


@dataclass(frozen=True)
class ObservedPod:
    """One pod. ``disruption`` is why the cluster ended it (DisruptionTarget), ``reason`` the pod's own (Evicted …)."""

    name: str
    uid: str
    stage: Stage
    attempt: int
    created: datetime
    phase: str
    index: int = 0
    """Which of the pods of its attempt it is."""
    node: str | None = None
    ends_by: datetime | None = None
    """When a pod that was told to end must have ended: its deletion time, grace included."""
    placed: datetime | None = None
    """When a node was found for it."""
    unschedulable: str | None = None
    waiting: Waiting | None = None
    running_since: datetime | None = None
    """While it runs."""
    started: datetime | None = None
    """When it began to run, also once it has ended."""
    exit: Exit | None = None
    disruption: str | None = None
    reason: str = ""
    message: str = ""
    memory: str | None = None
    """The limit of the container that trains."""

    @property
    def terminal(self) -> bool:
        """No container of it runs or will run again."""
        return self.phase in {"Succeeded", "Failed"}

    @property
    def over(self) -> bool:
        """Its container has ended, or never will run."""
        return self.terminal or self.exit is not None

    @property
    def testifies(self) -> bool:
        """Whether it tells how it ended, or why it was ended."""
        return self.over or self.disruption is not None


@dataclass(frozen=True)
class ObservedJob:
    """One batch/v1 Job of ours, with its pods, oldest first."""

    name: str
    uid: str
    stage: Stage
    attempt: int
    created: datetime
    run: int = 0
    """The restartGeneration that it was created for."""
    finishes: bool = False
    """It trains no more and publishes what there is."""
    finished: bool = False
    deleting: bool = False
    """It was told to go and waits for its pods."""
    nodes: int = 1
    """Pods that it runs at a time, each with an index."""
    queue: str | None = None
    """The queue that it waits in, while it is suspended for one."""
    pods: tuple[ObservedPod, ...] = ()
    departed: tuple[ObservedPod, ...] = ()
    """Pods that are gone, as they were last seen. They say how the attempt ended and stand for no pod that is there."""
    ended: datetime | None = None
    """When it was found over."""

    @property
    def pod(self) -> ObservedPod | None:
        """The newest pod of index 0: the one that speaks for the attempt."""
        return next((pod for pod in self.latest if pod.index == 0), None)

    @property
    def latest(self) -> tuple[ObservedPod, ...]:
        """The newest pod of each index, by index."""
        newest = {pod.index: pod for pod in self.pods}
        return tuple(newest[index] for index in sorted(newest))

    @property
    def witnesses(self) -> tuple[ObservedPod, ...]:
        """By index, the pods that tell how the attempt ended: the newest, those that are gone with a last word included."""
        spoken = [pod for pod in self.departed if pod.testifies]
        newest = {pod.index: pod for pod in sorted((*spoken, *self.pods), key=lambda pod: pod.created)}
        return tuple(newest[index] for index in sorted(newest))

    @property
    def over(self) -> bool:
        """It is over, or a pod of it has ended and the others will follow, or went and is not made again by a queue."""
        went = not self.pods and self.queue is None and any(pod.testifies for pod in self.departed)
        return self.finished or went or any(pod.over for pod in self.latest)

    @property
    def slowest(self) -> ObservedPod | None:
        """The pod that is furthest from running; None while one of them is still to be made."""
        if len(self.latest) < self.nodes:
            return None
        return min(self.latest, key=lambda pod: (pod.node is not None, pod.running_since is not None))

    @property
    def quiet(self) -> bool:
        """All pods run and none was told to end: only an event can change that."""
        running = [pod.running_since is not None and pod.ends_by is None for pod in self.latest]
        return len(running) == self.nodes and all(running) and not self.finished and not self.deleting

    @property
    def settled(self) -> bool:
        """The Job is over and no pod of it can write any more."""
        return self.finished and all(pod.terminal for pod in self.pods)

    def heard(self, now: datetime) -> bool:
        """Settled, and all its pods have told how they ended or had the time to: Jobs and pods are watched apart."""
        if not self.settled:
            return False
        awaited = len(self.witnesses) < self.nodes and self.ended is not None
        return not awaited or abs(now - (self.ended or now)) >= LAST_WORDS


@dataclass(frozen=True)
class Hint:
    """One Kubernetes Event about a child: the only place where the cluster tells some of its reasons."""

    reason: str
    message: str


@dataclass(frozen=True)
class Observed:
    """Everything that is known of a job's children.

    ``confirmed`` is true when Jobs and pods were just listed from the API server rather than taken from the watch:
    only then does absence prove anything.
    """

    jobs: tuple[ObservedJob, ...] = ()
    orphans: tuple[ObservedPod, ...] = ()
    """Pods whose Job is gone."""
    departed: tuple[ObservedPod, ...] = ()
    """Pods that are gone with their Job, as they were last seen."""
    progress: Progress | None = None
    hints: tuple[Hint, ...] = ()
    confirmed: bool = False

    def job(self, stage: Stage, attempt: int) -> ObservedJob | None:
        """The Job of one attempt, if it exists."""
        return next((job for job in self.jobs if (job.stage, job.attempt) == (stage, attempt)), None)

    def live_pods(self) -> tuple[ObservedPod, ...]:
        """Pods that may still write."""
        pods = [pod for job in self.jobs for pod in job.pods] + list(self.orphans)
        return tuple(pod for pod in pods if not pod.terminal)


@dataclass(frozen=True)
class Beside:
    """What is known besides the children themselves."""

    progress: Progress | None = None
    hints: tuple[Hint, ...] = ()
    confirmed: bool = False
    departed: tuple[Json, ...] = ()
    """Raw pods that are gone, as they were last seen."""


def observe(raw_jobs: Iterable[Json], raw_pods: Iterable[Json], beside: Beside) -> Observed:
    """Raw Jobs and Pods of one FineTuneJob as values, each pod beside its Job."""
    pods, departed = _by_owner(raw_pods), _by_owner(beside.departed)
    jobs = tuple(
        parse_stage_job(raw, pods.pop(raw["metadata"]["uid"], ()), departed.get(raw["metadata"]["uid"], ()))
        for raw in filter(_legible, raw_jobs)
    )
    there = {job.uid for job in jobs}
    return Observed(
        jobs=tuple(sorted(jobs, key=lambda job: (job.stage, job.attempt))),
        orphans=tuple(pod for own in pods.values() for pod in own),
        departed=tuple(pod for uid, own in departed.items() if uid not in there for pod in own),
        progress=beside.progress,
        hints=beside.hints,
        confirmed=beside.confirmed,
    )


def ends(batch_job: Json) -> list[Json]:
    """The conditions that say that a batch/v1 Job is over."""
    conditions = batch_job.get("status", {}).get("conditions") or ()
    return [each for each in conditions if each["type"] in {"Complete", "Failed"} and each["status"] == "True"]


def parse_stage_job(raw: Json, pods: Iterable[ObservedPod], departed: Iterable[ObservedPod] = ()) -> ObservedJob:
    """A batch/v1 Job of ours. Raises KeyError for one without our labels: the watch selects by them."""
    metadata, spec = raw["metadata"], raw.get("spec", {})
    over = ends(raw)
    times = [parse_time(c["lastTransitionTime"]) for c in over if "lastTransitionTime" in c]
    there = tuple(sorted(pods, key=lambda pod: pod.created))
    present = {pod.uid for pod in there}
    return ObservedJob(
        name=metadata["name"],
        uid=metadata["uid"],
        stage=_stage(metadata),
        attempt=int(metadata["labels"][ATTEMPT_LABEL]),
        created=parse_time(metadata["creationTimestamp"]),
        run=_run(metadata),
        finishes=FINISH_LABEL in metadata["labels"],
        finished=bool(over),
        deleting="deletionTimestamp" in metadata,
        nodes=spec.get("completions") or 1,
        queue=metadata["labels"].get(QUEUE_LABEL) if spec.get("suspend") else None,
        pods=there,
        departed=tuple(pod for pod in departed if pod.uid not in present),
        ended=min(times, default=None),
    )


def parse_pod(raw: Json) -> ObservedPod:
    """A core/v1 Pod of ours."""
    metadata, status = raw["metadata"], raw.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    state = _container_state(status)
    running = state.get("running", {}).get("startedAt")
    return ObservedPod(
        name=metadata["name"],
        uid=metadata["uid"],
        stage=_stage(metadata),
        attempt=int(metadata["labels"][ATTEMPT_LABEL]),
        created=parse_time(metadata["creationTimestamp"]),
        phase=status.get("phase", "Pending"),
        index=_index(metadata),
        node=raw.get("spec", {}).get("nodeName"),
        ends_by=parse_time(metadata["deletionTimestamp"]) if "deletionTimestamp" in metadata else None,
        placed=_placed(conditions),
        # The scheduler's word may be written after the pod was bound.
        unschedulable=None if raw.get("spec", {}).get("nodeName") else _unschedulable(conditions),
        waiting=_waiting(state),
        running_since=parse_time(running) if running else None,
        started=_started(state),
        exit=_exit(state),
        disruption=_disruption(conditions),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        memory=_memory(raw.get("spec", {})),
    )


def _by_owner(raw_pods: Iterable[Json]) -> dict[str, list[ObservedPod]]:
    found: dict[str, list[ObservedPod]] = {}
    for raw in filter(_legible, raw_pods):
        found.setdefault(_owner_uid(raw), []).append(parse_pod(raw))
    return found


def _legible(raw: Json) -> bool:
    """Whether the labels say stage and attempt: a child that somebody labelled by hand must not stop a job."""
    labels = raw["metadata"].get("labels") or {}
    return labels.get(STAGE_LABEL) in get_args(Stage) and str(labels.get(ATTEMPT_LABEL, "")).isdecimal()


def _stage(metadata: Json) -> Stage:
    return cast("Stage", metadata["labels"][STAGE_LABEL])


def _run(metadata: Json) -> int:
    label = str(metadata["labels"].get(RUN_LABEL, ""))
    return int(label) if label.isdecimal() else 0


def _index(metadata: Json) -> int:
    label = str(metadata["labels"].get(INDEX_LABEL, ""))
    return int(label) if label.isdecimal() else 0


def _owner_uid(raw: Json) -> str:
    owners = raw["metadata"].get("ownerReferences", ())
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def _memory(spec: Json) -> str | None:
    limits = (c.get("resources", {}).get("limits", {}) for c in spec.get("containers", ()) if c["name"] == CONTAINER)
    return next((limit["memory"] for limit in limits if "memory" in limit), None)


def _container_state(status: Json) -> Json:
    for container in status.get("containerStatuses", ()):
        if container["name"] == CONTAINER:
            return cast("Json", container.get("state", {}))
    return {}


def _placed(conditions: Mapping[str, Json]) -> datetime | None:
    scheduled = conditions.get("PodScheduled", {})
    time = scheduled.get("lastTransitionTime") if scheduled.get("status") == "True" else None
    return parse_time(time) if time else None


def _unschedulable(conditions: Mapping[str, Json]) -> str | None:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "False":
        return None
    return scheduled.get("message") or scheduled.get("reason") or "the scheduler gave no reason"


def _disruption(conditions: Mapping[str, Json]) -> str | None:
    target = conditions.get("DisruptionTarget", {})
    return (target.get("message") or target.get("reason") or "disrupted") if target.get("status") == "True" else None


def _waiting(state: Json) -> Waiting | None:
    waiting = state.get("waiting")
    return Waiting(waiting.get("reason", ""), waiting.get("message", "")) if waiting else None


def _started(state: Json) -> datetime | None:
    """A container that never ran bears the epoch, or nothing."""
    text = state.get("running", {}).get("startedAt") or state.get("terminated", {}).get("startedAt")
    return parse_time(text) if text and not text.startswith("1970-") else None


def _exit(state: Json) -> Exit | None:
    ended = state.get("terminated")
    return Exit(ended["exitCode"], ended.get("reason", ""), ended.get("message", "")) if ended else None

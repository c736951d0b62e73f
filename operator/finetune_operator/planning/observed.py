"""What the cluster says of a job's children, as values that decisions read; observing.py makes them. Nothing is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.status import Stage
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
    grace_seconds: int | None = None
    """What it was given when it was told to end."""
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

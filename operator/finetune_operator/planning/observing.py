"""Raw JSON of a job's Jobs and pods made into the values of observed.py: read once, and nothing of it is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast, get_args

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
from finetune_operator.planning.observed import CONTAINER, Beside, Exit, Observed, ObservedJob, ObservedPod, Waiting


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
        grace_seconds=metadata.get("deletionGracePeriodSeconds"),
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

"""Scenes for the pure core: a FineTuneJob and its children, as the API server would send them, at a fixed time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from finetune_operator.api import names
from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.model import Json
from finetune_operator.api.resolved import Resolved
from finetune_operator.api.status import FineTuneJobStatus
from finetune_operator.catalog.catalog import read_catalog
from finetune_operator.planning.assess import Blocked, assess
from finetune_operator.planning.job import Job, parse_job
from finetune_operator.planning.observed import Beside, Hint
from finetune_operator.planning.observing import observe
from finetune_operator.planning.present_run import for_run, present
from finetune_operator.planning.progress import Progress
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.resolve import Admission, Offer, admit, complete
from finetune_operator.planning.stand import stand
from finetune_operator.planning.standing import View

NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
UID: Final = "6f1d6f0a-4b7c-4a52-9a51-0c1f2f6f7f10"
NAME: Final = "support-bot"
IMAGE: Final = "finetune-trainer-trl:dev"
CPU_SMALL: Final = InstanceTypeSpec(cpu="2", memory="4Gi")


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def stamp(time: datetime) -> str:
    """As Kubernetes writes a time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def job_body(spec: Json | None = None, status: Json | None = None, generation: int = 1) -> Json:
    """A FineTuneJob created at NOW; ``spec`` overrides single fields of a small valid one."""
    base: Json = {
        "jobType": "sft",
        "model": {"name": "pvc://models/tiny-chat"},
        "datasets": [{"name": "questions", "split": "train", "uri": "configmap://support-questions/train.jsonl"}],
        "instanceType": "cpu-small",
        "hours": 1,
        "backoffLimit": 3,
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": "FineTuneJob",
        "metadata": {
            "namespace": "team-a",
            "name": NAME,
            "uid": UID,
            "generation": generation,
            "resourceVersion": "1",
            "creationTimestamp": stamp(NOW),
        },
        "spec": base | (spec or {}),
        "status": {"observedGeneration": -1} if status is None else status,
    }


def a_job(spec: Json | None = None, status: FineTuneJobStatus | None = None, generation: int = 1) -> Job:
    """The same, parsed."""
    return parse_job(job_body(spec, None if status is None else status.wire(), generation))


def resolved_for(job: Job, **hardware: object) -> Resolved:
    """What the operator decides for the job on an instance type of two cores, or of that hardware."""
    completed = complete(job.spec, admitted_for(job, **hardware), None)
    if isinstance(completed, Rejection):
        raise TypeError(completed.message)
    return completed.resolved


def admitted_for(job: Job, **hardware: object) -> Resolved:
    """The same before the data were looked at."""
    admitted = admit(job.spec, offer_for(job, hardware))
    if isinstance(admitted, Rejection):
        raise TypeError(admitted.message)
    return admitted.resolved


def offer_for(job: Job, hardware: Json | None = None, workspaces: Mapping[str, str] | None = None) -> Offer:
    """What there is to choose from: that one instance type, and the workspaces of other jobs."""
    catalog = read_catalog({str(job.spec.instance_type): CPU_SMALL.wire() | (hardware or {})}, {})
    return Offer(catalog, {"trl": IMAGE, "lerobot": IMAGE}, workspaces=workspaces or {})


def stage_job(stage: str = "train", attempt: int = 1, *, ended: str | None = None, created: datetime = NOW) -> Json:
    """A batch/v1 Job of ours. ``ended``: Complete or Failed."""
    conditions = [{"type": ended, "status": "True"}] if ended else []
    return {
        "metadata": {
            "name": names.stage_job_name(NAME, UID, stage, attempt),
            "namespace": "team-a",
            "uid": f"job-{stage}-{attempt}",
            "creationTimestamp": stamp(created),
            "labels": _labels(stage, attempt),
        },
        "status": {"conditions": conditions},
    }


def pod(stage: str = "train", attempt: int = 1, **status: object) -> Json:
    """A pod of that attempt's Job; ``status`` is core/v1's, Pending when nothing is said."""
    return {
        "metadata": {
            "name": f"{names.stage_job_name(NAME, UID, stage, attempt)}-x7k2p",
            "namespace": "team-a",
            "uid": f"pod-{stage}-{attempt}",
            "creationTimestamp": stamp(NOW),
            "labels": _labels(stage, attempt),
            "ownerReferences": [{"kind": "Job", "uid": f"job-{stage}-{attempt}", "controller": True}],
        },
        "spec": {} if _unscheduled(status) else {"nodeName": "node-0"},
        "status": {"phase": "Pending", **status},
    }


def running_pod(stage: str = "train", attempt: int = 1, since: datetime = NOW) -> Json:
    """A pod whose container runs."""
    return pod(stage, attempt, phase="Running", containerStatuses=[container({"running": {"startedAt": stamp(since)}})])


def ended_pod(stage: str = "train", attempt: int = 1, *, code: int = 0, message: str = "", **more: object) -> Json:
    """A pod whose container ended. ``message`` is its termination message; ``reason`` may be the kubelet's."""
    reason = more.pop("reason", "Completed" if code == 0 else "Error")
    ended = {"exitCode": code, "reason": reason, "message": message, "startedAt": stamp(NOW)}
    phase = "Succeeded" if code == 0 else "Failed"
    return pod(stage, attempt, phase=phase, containerStatuses=[container({"terminated": ended})], **_camel(more))


def of_node(index: int, body: Json) -> Json:
    """The same pod as one of an Indexed Job."""
    body["metadata"] |= {"name": f"{body['metadata']['name']}-{index}", "uid": f"{body['metadata']['uid']}-{index}"}
    body["metadata"]["labels"] |= {names.INDEX_LABEL: str(index)}
    return body


def container(state: Json) -> Json:
    """The status of our container in that state."""
    return {"name": "trainer", "state": state}


def verdict(result: str = "completed", *, stage: str = "train", attempt: int = 1, **more: object) -> str:
    """A termination message that keeps the contract."""
    document = {"contractVersion": 1, "stage": stage, "attempt": attempt, "result": result, "message": f"it {result}"}
    return json.dumps(document | _camel(more))


def ended(stage: str = "train", attempt: int = 1, *, code: int = 0, message: str = "") -> tuple[Json, Json]:
    """A Job that is over, with its pod."""
    return (
        stage_job(stage, attempt, ended="Complete" if code == 0 else "Failed"),
        ended_pod(stage, attempt, code=code, message=message),
    )


def prepared() -> tuple[Json, Json]:
    """The first stage, done."""
    report = {"rows": 48, "tokens": 1932, "warnings": []}
    return ended("prepare", message=verdict(stage="prepare", report=report))


def scene(job: Job, *children: Json | tuple[Json, ...], now: datetime = NOW, beside: Beside | None = None) -> View:
    """A view of the job with these Jobs and pods."""
    flat = tuple(_flat(children))
    jobs = [body for body in flat if "ownerReferences" not in body["metadata"]]
    pods = [body for body in flat if "ownerReferences" in body["metadata"]]
    return View(job, observe(jobs, pods, beside or Beside()), now)


def hints(*pairs: tuple[str, str]) -> Beside:
    """Events about the children, newest first."""
    return Beside(hints=tuple(Hint(reason, message) for reason, message in pairs))


def pushed(**more: object) -> Beside:
    """A report of the trainer."""
    pod_uid = f"pod-train-{more.get('attempt', 1)}"
    report = {"attempt": 1, "pod_uid": pod_uid, "step": 6, "received_at": NOW} | more
    return Beside(progress=Progress(**report))  # type: ignore[arg-type]


def told(view: View, rejection: Rejection | None = None, blocked: Blocked | None = None) -> FineTuneJobStatus:
    """The status that one reconcile would write for this view."""
    if rejection:
        refused = replace(view, job=present(view.job, view.observed))
        return assess(refused, stand(refused, rejection), None, None)
    planned = in_its_run(view)
    return assess(
        planned, stand(planned, None), Admission(planned.job.status.resolved or resolved_for(view.job)), blocked
    )


def in_its_run(view: View) -> View:
    """The view of the job in its present run, with what is decided for that."""
    view = replace(view, job=present(view.job, view.observed))
    if view.job.status.resolved or view.job.status.phase in TERMINAL_PHASES:
        return view
    return replace(view, job=view.job.with_plan(for_run(resolved_for(view.job), view)))


def in_run(run: int, *children: Json) -> tuple[Json, ...]:
    """The same Jobs and pods as children of that run."""
    for body in children:
        body["metadata"]["labels"][names.RUN_LABEL] = str(run)
    return children


def finishing(*children: Json) -> tuple[Json, ...]:
    """The same as children that train no more and publish what there is."""
    for body in children:
        body["metadata"]["labels"][names.FINISH_LABEL] = "true"
    return children


def deleted(body: Json, ends_by: datetime) -> Json:
    """The same, told to go."""
    body["metadata"]["deletionTimestamp"] = stamp(ends_by)
    return body


def _unscheduled(status: Json) -> bool:
    return any(told["type"] == "PodScheduled" and told["status"] == "False" for told in status.get("conditions", ()))


def _labels(stage: str, attempt: int) -> Json:
    return {
        names.MANAGED_BY_LABEL: names.MANAGER,
        names.JOB_LABEL: NAME,
        names.UID_LABEL: UID,
        names.STAGE_LABEL: stage,
        names.ATTEMPT_LABEL: str(attempt),
    }


def _camel(words: Json) -> Json:
    def turned(word: str) -> str:
        first, *rest = word.split("_")
        return first + "".join(part.title() for part in rest)

    return {turned(word): value for word, value in words.items()}


def _flat(children: Iterable[Json | tuple[Json, ...]]) -> Iterable[Json]:
    for child in children:
        yield from child if isinstance(child, tuple) else (child,)

"""A Dataset and its inspection as the API server would tell of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.dataset.observed import inspections
from finetune_operator.planning.dataset.plan import InspectionPlan
from finetune_operator.planning.dataset.registration import Registration, parse_dataset
from finetune_operator.planning.dataset.standing import View
from finetune_operator.planning.kstatus import Word

NOW: Final = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
PLAN: Final = InspectionPlan("trainer:test")
REPORT: Final = {"rows": 48, "tokens": 1932, "longestRowTokens": 61, "format": "chat", "warnings": []}


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def stamp(time: datetime) -> str:
    """As metav1.Time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def body(status: Json | None = None, **spec: object) -> Json:
    """A Dataset."""
    return {
        "metadata": {
            "namespace": "team",
            "name": "questions",
            "uid": "u-1",
            "generation": 1,
            "resourceVersion": "7",
            "creationTimestamp": stamp(NOW),
        },
        "spec": {"uri": "pvc://data/rows", **spec},
        "status": {"observedGeneration": -1} if status is None else status,
    }


def registration(status: Json | None = None, **spec: object) -> Registration:
    """The same as a value."""
    return parse_dataset(body(status, **spec))


def job(attempt: int = 1, ended: float | None = None) -> Json:
    """Its inspection; ``ended`` is when the Job was over, in seconds after NOW."""
    condition = {"type": "Complete", "status": "True", "lastTransitionTime": stamp(at(ended or 0))}
    return {
        "metadata": {
            "name": f"questions-x-inspect-{attempt}",
            "uid": f"job-{attempt}",
            "creationTimestamp": stamp(NOW),
            "labels": {names.STAGE_LABEL: "inspect", names.ATTEMPT_LABEL: str(attempt)},
        },
        "spec": {"completions": 1},
        "status": {"conditions": [] if ended is None else [condition]},
    }


def pod(attempt: int = 1, state: Json | None = None, phase: str = "Running") -> Json:
    """The pod of an inspection; it runs unless ``state`` says otherwise."""
    status = {"name": "trainer", "state": state or {"running": {"startedAt": stamp(NOW)}}}
    return {
        "metadata": {
            "name": f"questions-x-inspect-{attempt}-p",
            "uid": f"pod-{attempt}",
            "creationTimestamp": stamp(NOW),
            "labels": {names.STAGE_LABEL: "inspect", names.ATTEMPT_LABEL: str(attempt)},
            "ownerReferences": [{"uid": f"job-{attempt}", "controller": True}],
        },
        "spec": {"nodeName": "node-0"},
        "status": {"phase": phase, "containerStatuses": [status]},
    }


def ended_pod(exit_code: int = 0, result: str = "completed", attempt: int = 1, **more: object) -> Json:
    """The pod of an inspection that left a verdict."""
    document = {
        "contractVersion": 1,
        "stage": "inspect",
        "attempt": attempt,
        "result": result,
        "message": f"it {result}",
    }
    ended = {
        "exitCode": exit_code,
        "reason": "Completed" if exit_code == 0 else "Error",
        "message": json.dumps(document | more),
    }
    return pod(attempt, {"terminated": ended}, "Succeeded" if exit_code == 0 else "Failed")


def view(
    jobs: list[Json],
    pods: list[Json],
    *,
    status: Json | None = None,
    plan: InspectionPlan | Word = PLAN,
    now: float = 0,
    gone: tuple[Json, ...] = (),
) -> View:
    """What the keeper sees ``now`` seconds after NOW; ``gone`` are pods that are there no more."""
    return View(registration(status), plan, inspections(jobs, pods, gone), at(now))

"""The Jobs that inspect a Dataset, as values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL
from finetune_operator.planning.observed import ObservedJob
from finetune_operator.planning.observing import parse_pod, parse_stage_job

INSPECT: Final = "inspect"


@dataclass(frozen=True)
class Inspection:
    """One attempt to look at the data. ``ended`` is when its Job was over."""

    job: ObservedJob
    ended: datetime | None = None

    @property
    def termination_message(self) -> str:
        """What its container left."""
        pod = next((pod for pod in self.job.witnesses if pod.index == 0), None)
        return pod.exit.message if pod and pod.exit else ""


def inspections(
    raw_jobs: Iterable[Json], raw_pods: Iterable[Json], departed: Iterable[Json] = ()
) -> tuple[Inspection, ...]:
    """All inspections of one Dataset, each with its pods, the oldest attempt first.

    ``departed``: pods that are gone, as they were last seen.
    """
    pods, gone = [raw for raw in raw_pods if _legible(raw)], [raw for raw in departed if _legible(raw)]
    found = [_inspection(raw, pods, gone) for raw in raw_jobs if _legible(raw)]
    return tuple(sorted(found, key=lambda each: each.job.attempt))


def _inspection(raw: Json, pods: list[Json], departed: list[Json]) -> Inspection:
    uid = raw["metadata"]["uid"]
    own, gone = ([parse_pod(pod) for pod in each if _owned_by(pod, uid)] for each in (pods, departed))
    job = parse_stage_job(raw, own, gone)
    return Inspection(job, job.ended)


def _legible(raw: Json) -> bool:
    """Whether the labels say what it is: a child that somebody labelled by hand must stop nothing."""
    labels = raw["metadata"].get("labels") or {}
    return labels.get(STAGE_LABEL) == INSPECT and str(labels.get(ATTEMPT_LABEL, "")).isdecimal()


def _owned_by(pod: Json, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", ()))

"""The ConfigMaps that keep what a run's trainer reported: its curve and its last lines. They go with their job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finetune_operator.api import names
from finetune_operator.api.model import Json
from finetune_operator.planning.job import Job

Kind = Literal["curve", "log"]
FILES: dict[Kind, str] = {"curve": "curve.json", "log": "log.jsonl"}
"""The key in the ConfigMap's data."""


@dataclass(frozen=True)
class Record:
    """One of them: of which job and which run."""

    job: Job
    run: int
    kind: Kind

    @property
    def name(self) -> str:
        """The ConfigMap's name."""
        return names.record_name(self.job.name, self.job.uid, self.kind, self.run)

    @property
    def file(self) -> str:
        """Where in its data."""
        return FILES[self.kind]


def record_map(record: Record, text: str) -> Json:
    """The ConfigMap, new."""
    job = record.job
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": record.name,
            "namespace": job.namespace,
            "labels": {
                names.MANAGED_BY_LABEL: names.MANAGER,
                names.JOB_LABEL: job.name,
                names.UID_LABEL: job.uid,
                names.RUN_LABEL: str(record.run),
            },
            "ownerReferences": [job.owner_reference()],
        },
        "data": {record.file: text},
    }

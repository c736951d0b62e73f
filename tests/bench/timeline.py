"""What happened when, as the benchmark's own watches saw it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from finetune_operator.api.conditions import Phase
from finetune_operator.api.model import Json
from finetune_operator.api.names import JOB_LABEL, MANAGED_BY_LABEL, MANAGER, STAGE_LABEL
from finetune_operator.cluster.resources import FINETUNEJOBS, JOBS, PODS
from tests.bench.jobs import SAMPLE_LABEL
from tests.bench.watching import Watch

OURS: Final = f"{MANAGED_BY_LABEL}={MANAGER}"
SAMPLED: Final = f"{SAMPLE_LABEL}=true"
FIRST_STAGE: Final = "prepare"
LAST_STAGE: Final = "train"

Times = dict[str, dict[str, float]]
"""By what was seen (a stage, a phase) and resource: when it was seen first."""


@dataclass(frozen=True)
class Timeline:
    """First sights. Jobs of all resources; pods and phases of the sampled ones."""

    first_jobs: dict[str, float] = field(default_factory=dict)
    """When the first Job of each resource was seen."""
    jobs: Times = field(default_factory=lambda: defaultdict(dict))
    complete: Times = field(default_factory=lambda: defaultdict(dict))
    pods: Times = field(default_factory=lambda: defaultdict(dict))
    phases: Times = field(default_factory=lambda: defaultdict(dict))

    def watches(self) -> Iterable[Watch]:
        """That fill it: Jobs by their metadata alone, of which each comes once more when it has succeeded."""
        yield Watch(JOBS, self._saw_job, labels=OURS)
        yield Watch(JOBS, self._saw_complete, labels=OURS, fields="status.successful=1")
        yield Watch(PODS, self._saw_pod, labels=f"{OURS},{SAMPLED}", whole=True)
        yield Watch(FINETUNEJOBS, self._saw_phase, labels=SAMPLED, whole=True)

    @property
    def last_complete(self) -> Mapping[str, float]:
        """When the last Job of each resource was seen to have succeeded."""
        return self.complete[LAST_STAGE]

    @property
    def completed(self) -> int:
        """Jobs that have succeeded, of all stages."""
        return sum(map(len, self.complete.values()))

    def apply_to_job(self, applied: Mapping[str, float]) -> list[float]:
        """Seconds from asking for a resource until its first Job was seen."""
        return [at - applied[name] for name, at in self.first_jobs.items() if name in applied]

    def change_to_status(self) -> list[float]:
        """Seconds from a change until the status told it.

        Changes are: the training pod runs, and the Job controller has declared the training Job over.
        """
        declared = self.last_complete
        ended = {name: max(at, declared[name]) for name, at in self.pods[Phase.SUCCEEDED].items() if name in declared}
        return [*self._lags(self.pods[Phase.RUNNING], Phase.RUNNING), *self._lags(ended, Phase.SUCCEEDED)]

    def end_to_status(self) -> list[float]:
        """Seconds from the end of the training pod until the status says Succeeded, the Job controller's share included."""
        return self._lags(self.pods[Phase.SUCCEEDED], Phase.SUCCEEDED)

    def _lags(self, causes: Mapping[str, float], told: str) -> list[float]:
        answers = self.phases[told]
        return [max(0.0, answers[name] - at) for name, at in causes.items() if name in answers]

    def _saw_job(self, body: Json, at: float) -> None:
        labels = body["metadata"]["labels"]
        self.first_jobs.setdefault(labels[JOB_LABEL], at)
        self.jobs[labels[STAGE_LABEL]].setdefault(labels[JOB_LABEL], at)

    def _saw_complete(self, body: Json, at: float) -> None:
        labels = body["metadata"]["labels"]
        self.complete[labels[STAGE_LABEL]].setdefault(labels[JOB_LABEL], at)

    def _saw_pod(self, body: Json, at: float) -> None:
        labels = body["metadata"]["labels"]
        if labels[STAGE_LABEL] == LAST_STAGE:
            self.pods[body["status"]["phase"]].setdefault(labels[JOB_LABEL], at)

    def _saw_phase(self, body: Json, at: float) -> None:
        if phase := body.get("status", {}).get("phase"):
            self.phases[phase].setdefault(body["metadata"]["name"], at)

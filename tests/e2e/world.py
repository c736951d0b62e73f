"""One test's namespace: what is applied to it, what becomes of it, and what lies on its claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from finetune_operator.api import names
from tests.demo.evidence import evidence
from tests.demo.kubectl import Json, Kubectl
from tests.demo.pods import Errand, pod
from tests.demo.target import Target
from tests.demo.watch import states, until

Value = TypeVar("Value")

OVER = ("Succeeded", "Failed")
JOB_SECONDS = 240.0
POD_SECONDS = 90.0


@dataclass(frozen=True)
class World:
    """A namespace with a dataset and a base model in it, on a cluster where the operator runs."""

    target: Target
    namespace: str

    @property
    def kubectl(self) -> Kubectl:
        """Of the cluster."""
        return self.target.kubectl

    def apply(self, *documents: Json) -> None:
        """Create or change resources in the namespace."""
        self.kubectl.apply(*documents, namespace=self.namespace)

    def status(self, job: str) -> Json:
        """The status of a FineTuneJob; empty before the operator has seen it."""
        found = self.kubectl.get("finetunejob", job, self.namespace)
        return dict(found.get("status", {})) if found else {}

    def wait(self, what: str, look: Callable[[], Value | None], within: float = JOB_SECONDS) -> Value:
        """What `look` sees once it sees something. Raises AssertionError that says it was `what` that did not happen."""
        seen = until(look, within)
        assert seen is not None, f"not within {within:.0f} s: {what}"
        return seen

    def until_status(self, job: str, what: str, holds: Callable[[Json], object], within: float = JOB_SECONDS) -> Json:
        """The status of the job once it is as said; a job that is over before is not waited for."""
        status: Json = {}
        for state in states(self.kubectl, "finetunejobs", job, self.namespace, within):
            status = dict(state.get("status", {})) if state else {}
            if holds(status):
                return status
            assert status.get("phase") not in OVER, f"{job} is over and never was {what}; {_told(status)}"
        raise AssertionError(f"{job} was not {what} within {within:.0f} s; {_told(status)}")

    def until_over(self, job: str, within: float = JOB_SECONDS) -> Json:
        """The status of the job once it has succeeded or failed."""
        return self.until_status(job, "over", lambda status: status.get("phase") in OVER, within)

    def until_training(self, job: str, step: int = 1) -> Json:
        """The status of the job once it reported this step."""
        return self.until_status(
            job, f"at step {step}", lambda status: status.get("progress", {}).get("step", 0) >= step
        )

    def succeeded(self, job: str, within: float = JOB_SECONDS) -> Json:
        """The status of the job once it is over, which must be by success."""
        status = self.until_over(job, within)
        assert status["phase"] == "Succeeded", _told(status)
        return status

    def children(self, kind: str, job: str, stage: str = "") -> list[Json]:
        """Jobs or pods that the operator made for a FineTuneJob."""
        labels = f"{names.JOB_LABEL}={job}" + (f",{names.STAGE_LABEL}={stage}" if stage else "")
        return self.kubectl.list(kind, self.namespace, labels)

    def shell(self, script: str, claim: str) -> str:
        """What a shell in a pod prints that has `claim` mounted at /claim."""
        name = "look"
        errand = Errand(name, self.target.images["trainer"], ("sh", "-c", script), {claim: "/claim"})
        self.kubectl.delete("pod", name, self.namespace)
        self.apply(pod(errand))
        phase = self.wait("the shell has ended", lambda: self._end(name), POD_SECONDS)
        said = self.kubectl.run("logs", name, f"--namespace={self.namespace}")
        assert phase == "Succeeded", said
        return said

    def evidence(self) -> str:
        """Everything about this namespace that helps to understand a failure."""
        return evidence(self.kubectl, self.namespace)

    def _end(self, name: str) -> str | None:
        found = self.kubectl.get("pod", name, self.namespace)
        phase = found["status"].get("phase") if found else None
        return phase if phase in OVER else None


def _told(status: Json) -> str:
    return f"it is {status.get('phase')}, {status.get('reason')}: {status.get('message')}"

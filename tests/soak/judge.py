"""What must never be seen, whatever happens to the operator: judged from the events of watches, one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL

Attempt = tuple[str, str, str]
"""The uid of a FineTuneJob, a stage and a number."""
OVER: Final = frozenset({"Succeeded", "Failed"})


@dataclass
class Judge:
    """Takes what watches see, in their order for each kind, and keeps every violation in a sentence."""

    violations: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    """Phase by name, of the FineTuneJobs that have ended."""
    _jobs: dict[Attempt, set[str]] = field(default_factory=lambda: defaultdict(set))
    _pods: dict[str, dict[str, Attempt]] = field(default_factory=lambda: defaultdict(dict))

    def job(self, kind: str, body: Json) -> None:
        """A batch/v1 Job was ADDED, MODIFIED or DELETED: an attempt has one Job, ever."""
        attempt, uids = _attempt(body), self._jobs[_attempt(body)]
        uids.add(body["metadata"]["uid"])
        if kind == "ADDED" and len(uids) > 1:
            self._object(f"{len(uids)} Jobs were made of attempt {attempt[2]} of {attempt[1]}", body)

    def pod(self, kind: str, body: Json) -> None:
        """A pod: of one FineTuneJob at most one may write, and it is of one attempt."""
        attempt, uid = _attempt(body), body["metadata"]["uid"]
        there = self._pods[attempt[0]]
        if kind == "DELETED" or body["status"].get("phase") in OVER:
            there.pop(uid, None)
            return
        news = uid not in there
        there[uid] = attempt
        if news and len(there) > 1:
            others = ", ".join(sorted(f"{stage}-{number}" for _, stage, number in there.values()))
            self._object(f"pods that can write at once: {others}", body)

    def fine_tune_job(self, kind: str, body: Json) -> None:
        """A FineTuneJob: its spec stays as it was applied, and its end is an end."""
        name, phase = body["metadata"]["name"], (body.get("status") or {}).get("phase")
        if body["metadata"].get("generation", 1) != 1:
            self._object("its spec was written", body)
        if name in self.ended and phase != self.ended[name] and kind != "DELETED":
            self._object(f"it was {self.ended[name]} and is {phase}", body)
        if phase in TERMINAL_PHASES:
            self.ended.setdefault(name, phase)

    def at_the_end(self, body: Json, expected: Json) -> None:
        """Of a FineTuneJob that has ended: its phase, and how its attempts ended, are what its pods' fates make of it."""
        status = body.get("status") or {}
        attempts = [f"{a['stage']}-{a['number']} {a.get('outcome')}" for a in status.get("attempts", ())]
        found = {"phase": status.get("phase"), "attempts": attempts}
        if found != expected:
            self._object(f"it ended as {found}, and its fates make {expected}", body)

    def _object(self, what: str, body: Json) -> None:
        self.violations.append(f"{body['metadata']['name']}: {what}")


def expected_of(outcomes: Callable[[str, int], str]) -> Json:
    """The end of a job whose attempts end so: ``outcomes`` gives Succeeded, Platform or UserError."""
    attempts: list[str] = []
    for stage in ("prepare", "train"):
        last = ""
        for number, outcome in _until_decided(stage, outcomes):
            attempts.append(f"{stage}-{number} {outcome}")
            last = outcome
        if last != "Succeeded":
            return {"phase": "Failed", "attempts": attempts}
    return {"phase": "Succeeded", "attempts": attempts}


def _until_decided(stage: str, outcomes: Callable[[str, int], str]) -> Iterator[tuple[int, str]]:
    number, outcome = 0, "Platform"
    while outcome == "Platform":
        number += 1
        outcome = outcomes(stage, number)
        yield number, outcome


def _attempt(body: Json) -> Attempt:
    labels = body["metadata"]["labels"]
    return labels[UID_LABEL], labels[STAGE_LABEL], labels[ATTEMPT_LABEL]

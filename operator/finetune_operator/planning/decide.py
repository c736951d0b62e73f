"""What to do: from where a job stands to the children to create, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from finetune_operator.api.status import Stage
from finetune_operator.planning.standing import (
    STAGES,
    BackingOff,
    Broken,
    CalledOff,
    Done,
    Fenced,
    Held,
    Over,
    Refused,
    Standing,
    Underway,
    Wanted,
)

POLL_SECONDS: Final = 10.0
"""How often a job that waits is looked at again: some of the cluster's reasons are told by Events only, which no watch brings."""

GRACE_POLL_SECONDS: Final = 2.0
LONGEST_POLL_SECONDS: Final = 120.0


@dataclass(frozen=True)
class CreateClaim:
    """Make the PersistentVolumeClaim that the job gets when it names none."""


@dataclass(frozen=True)
class CreateService:
    """Make the Service by which the pods of one attempt find each other."""

    stage: Stage
    attempt: int


@dataclass(frozen=True)
class CreateStage:
    """Make the batch/v1 Job of one attempt."""

    stage: Stage
    attempt: int


Action = CreateClaim | CreateService | CreateStage


def decide(standing: Standing, *, own_claim: bool, nodes: int = 1) -> tuple[Action, ...]:
    """The children to create, in order. Creating one that exists is success, so running this twice changes nothing."""
    if not isinstance(standing, Wanted):
        return ()
    stage, attempt = standing.stage, standing.attempt
    claim = (CreateClaim(),) if own_claim and stage == STAGES[0] else ()
    # Before the pods, which look for each other as soon as they run.
    service = (CreateService(stage, attempt),) if nodes > 1 and stage == "train" else ()
    return (*claim, *service, CreateStage(stage, attempt))


def look_again(standing: Standing, now: datetime) -> float | None:
    """Seconds until the job must be looked at even if nothing happens; None when an event will tell."""
    match standing:
        case Over() | Done() | Broken() | Held() | CalledOff():
            return None
        case Refused():
            return _until_mended(standing)
        case BackingOff():
            return max((standing.until - now).total_seconds(), 0.1)
        case Underway():
            if standing.job.settled:  # only the last word of a pod is missing
                return GRACE_POLL_SECONDS
            return None if standing.job.quiet else _patience((now - standing.job.created).total_seconds())
        case Wanted() | Fenced():
            return POLL_SECONDS


def _until_mended(refused: Refused) -> float | None:
    """What comes with the same apply comes within seconds; what may take as long as it likes wakes the job by itself."""
    if refused.final:
        return None
    return LONGEST_POLL_SECONDS if refused.rejection.waits else GRACE_POLL_SECONDS


def _patience(waited: float) -> float:
    """Who has waited long is looked at less often: a full cluster must not be asked ever more."""
    return min(max(POLL_SECONDS, waited / 6), LONGEST_POLL_SECONDS)

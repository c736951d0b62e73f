"""What to do: from where a job stands to the children to create or to remove, and when to look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.status import Stage
from finetune_operator.planning.asked import deadline_of, start_limit_time
from finetune_operator.planning.observed import ObservedJob
from finetune_operator.planning.stand import removal_time
from finetune_operator.planning.standing import (
    BackingOff,
    Broken,
    CalledOff,
    Done,
    Fenced,
    Held,
    Leaving,
    Over,
    Refused,
    Standing,
    Underway,
    View,
    Wanted,
)

POLL_SECONDS: Final = 10.0
"""How often a job that waits is looked at again: some of the cluster's reasons are told by Events only, which no watch brings."""

AT_ONCE_SECONDS: Final = 0.1
GRACE_POLL_SECONDS: Final = 2.0
LONGEST_POLL_SECONDS: Final = 120.0
"""Between two looks at a job that waits for what will wake it, in case it did not."""
LONGEST_WAIT_SECONDS: Final = 600.0
"""Between two looks at a job that has waited for an hour: ten thousand of them are seventeen looks a second."""
CANCEL_GRACE_SECONDS: Final = 5
"""What a pod gets that has nothing to save. It is never ended by force: that proves nothing about its container."""


@dataclass(frozen=True)
class CreateClaim:
    """Make the PersistentVolumeClaim that the job gets when it names none."""


@dataclass(frozen=True)
class CreateCache:
    """Make the PersistentVolumeClaim that the job's cache gets when it names none, unless it is there."""


@dataclass(frozen=True)
class CreateService:
    """Make the Service by which the pods of one attempt find each other."""

    stage: Stage
    attempt: int


@dataclass(frozen=True)
class CreateStage:
    """Make the batch/v1 Job of one attempt; for ``finish`` and ``halvings`` see Wanted."""

    stage: Stage
    attempt: int
    finish: bool = False
    halvings: int = 0


@dataclass(frozen=True)
class Remove:
    """Delete a Job, which stays until its pods are gone. ``grace_seconds``: what these get, if not their own."""

    job: ObservedJob
    grace_seconds: int | None = None


@dataclass(frozen=True)
class RemoveServices:
    """Delete the Services of all attempts: no watch tells which of them there still are."""


Action = CreateClaim | CreateCache | CreateService | CreateStage | Remove | RemoveServices


@dataclass(frozen=True)
class Needs:
    """What a stage needs besides its Job: claims of the job's own, and nodes.

    The claim of its output is made before the stage that is named: what was on it cannot be made again. That of its
    ``cache`` is seen to before any stage: the release before made none, and whoever deletes it loses nothing.
    """

    claims_for: Stage | None = None
    cache: bool = False
    nodes: int = 1
    earlier: bool = False
    """Whether there were runs before this one: these may have had more nodes."""


def decide(standing: Standing, needs: Needs, late: tuple[ObservedJob, ...] = ()) -> tuple[Action, ...]:
    """The children to create or remove, in order. Each may be done twice, so running this twice changes nothing.

    ``late``: Jobs that came when their attempt was over.
    """
    overtaken = () if isinstance(standing, Over) else tuple(Remove(job) for job in late)
    return (*overtaken, *_called_for(standing, needs))


def _called_for(standing: Standing, needs: Needs) -> tuple[Action, ...]:
    match standing:
        case Wanted():
            return _create(standing, needs)
        case Leaving(job, Reason.CANCELLED, _, told) if told and (not job.deleting or _lingers(job)):
            return (Remove(job, CANCEL_GRACE_SECONDS),)
        case Leaving(job, _, _, told) if told and not job.deleting:
            return (Remove(job),)
        case Over(remains):
            # The Services first: once the Jobs are gone nothing leads back to a job that is over.
            services = (RemoveServices(),) if remains and (needs.nodes > 1 or needs.earlier) else ()
            return (*services, *(Remove(job) for job in remains))
        case _:
            return ()


def _lingers(job: ObservedJob) -> bool:
    """Whether a pod of it was told to end with more time than one gets that is cancelled, or not told yet."""
    going = (pod for pod in job.pods if not pod.over)
    return any(pod.ends_by is None or (pod.grace_seconds or 0) > CANCEL_GRACE_SECONDS for pod in going)


def look_again(standing: Standing, view: View) -> float | None:  # noqa: PLR0911 - one rung for each standing
    """Seconds until the job must be looked at even if nothing happens; None when an event will tell."""
    now = view.now
    match standing:
        case Over(remains):
            there = tuple(job for job in view.observed.jobs if not job.deleting)
            return POLL_SECONDS if remains else _seconds_until(removal_time(view), now, there)
        case Done() | Broken() | CalledOff():
            newer = view.job.spec.restart_generation > view.job.run
            return AT_ONCE_SECONDS if newer else _seconds_after(view.job.spec.children_ttl_seconds_after_finished)
        case Held():
            return None
        case Refused():
            return _until_mended(standing)
        case BackingOff():
            return max((standing.until - now).total_seconds(), AT_ONCE_SECONDS)
        case Underway():
            return _underway(standing.job, view)
        case Leaving(told=False):
            return AT_ONCE_SECONDS  # now that it is written down
        case Wanted() | Fenced() | Leaving():
            return POLL_SECONDS


def _create(wanted: Wanted, needs: Needs) -> tuple[Action, ...]:
    stage, attempt = wanted.stage, wanted.attempt
    claim = (CreateClaim(),) if stage == needs.claims_for else ()
    cache = (CreateCache(),) if needs.cache else ()
    # Before the pods, which look for each other as soon as they run.
    service = (CreateService(stage, attempt),) if needs.nodes > 1 and stage == "train" else ()
    return (*claim, *cache, *service, CreateStage(stage, attempt, wanted.finish, wanted.halvings))


def _underway(job: ObservedJob, view: View) -> float | None:
    if job.settled:  # only the last word of a pod is missing
        return GRACE_POLL_SECONDS
    if job.quiet:
        return _seconds_until(deadline_of(view, job), view.now, (job,))
    routine, limit = _patience((view.now - _waiting_since(job)).total_seconds()), start_limit_time(view, job)
    left = (limit - view.now).total_seconds() if limit else 0
    return min(routine, left + AT_ONCE_SECONDS) if left > 0 else routine


def _waiting_since(job: ObservedJob) -> datetime:
    """Since when it waits where it is: from being placed on, hours in a queue are none of it."""
    pod = job.slowest
    return (pod.placed or pod.created) if pod else job.created


def _seconds_until(time: datetime | None, now: datetime, concerned: tuple[ObservedJob, ...]) -> float | None:
    return max((time - now).total_seconds(), AT_ONCE_SECONDS) if time and concerned else None


def _seconds_after(seconds: int | None) -> float | None:
    return None if seconds is None else float(seconds) + 1


def _until_mended(refused: Refused) -> float | None:
    """What comes with the same apply comes within seconds; what may take as long as it likes wakes the job by itself."""
    if refused.final:
        return None
    return LONGEST_POLL_SECONDS if refused.rejection.waits else GRACE_POLL_SECONDS


def _patience(waited: float) -> float:
    """Who has waited long is looked at less often: a full cluster must not be asked ever more."""
    return min(max(POLL_SECONDS, waited / 6), LONGEST_WAIT_SECONDS)

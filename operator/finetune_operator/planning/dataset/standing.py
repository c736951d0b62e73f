"""Where the inspection of a Dataset stands. It only reads, so attempts need not wait for each other's pods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from finetune_operator.planning.dataset.observed import Inspection
from finetune_operator.planning.dataset.plan import InspectionPlan
from finetune_operator.planning.dataset.registration import Registration
from finetune_operator.planning.ending import Ending, ending_of
from finetune_operator.planning.kstatus import Word

FIRST_BACKOFF: Final = timedelta(seconds=10)
LONGEST_BACKOFF: Final = timedelta(minutes=10)
MOST_DOUBLINGS: Final = 10


@dataclass(frozen=True)
class View:
    """What a standing is taken from."""

    registration: Registration
    plan: InspectionPlan | Word
    inspections: tuple[Inspection, ...]
    now: datetime


@dataclass(frozen=True)
class Judged:
    """The last word is said: nothing follows."""


@dataclass(frozen=True)
class Hindered:
    """No inspection can start."""

    word: Word


@dataclass(frozen=True)
class Wanted:
    """An inspection must start; ``ended`` is how the one before it ended, when there was one."""

    plan: InspectionPlan
    attempt: int
    ended: Ending | None = None


@dataclass(frozen=True)
class BackingOff:
    """The next inspection starts at ``until``."""

    until: datetime
    ended: Ending


@dataclass(frozen=True)
class Underway:
    """An inspection runs, or waits for its pod."""

    inspection: Inspection


@dataclass(frozen=True)
class Done:
    """An inspection came to a result, good or bad."""

    inspection: Inspection
    ending: Ending

    @property
    def valid(self) -> bool:
        """Whether jobs can use the data."""
        return self.ending.outcome == "Succeeded"


Standing = Judged | Hindered | Wanted | BackingOff | Underway | Done


def stand(view: View) -> Standing:
    """Where it stands. The first rung that applies decides."""
    if view.registration.judged:
        return Judged()
    number = latest_attempt(view)
    current = next((each for each in view.inspections if each.job.attempt == number), None)
    if current is None:
        # None yet; or the latest one vanished, and its verdict with it.
        return _start(view, number + 1, None)
    if not current.job.heard(view.now):
        return Underway(current)
    ending = ending_of(current.job)
    if ending.outcome in {"Succeeded", "UserError"}:
        return Done(current, ending)
    until = (current.ended or view.now) + _backoff(number)
    return BackingOff(until, ending) if view.now < until else _start(view, number + 1, ending)


def latest_attempt(view: View) -> int:
    """The highest number that an inspection bears, in the status or in the cluster; 0 for none."""
    observed = max((each.job.attempt for each in view.inspections), default=0)
    return max(observed, recorded_attempt(view.registration))


def recorded_attempt(registration: Registration) -> int:
    """The number of the inspection that the status names; 0 for none."""
    number = (registration.status.job or "").rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _start(view: View, attempt: int, ended: Ending | None) -> Standing:
    if isinstance(view.plan, Word):
        return Hindered(view.plan)
    return Wanted(view.plan, attempt, ended)


def _backoff(failures: int) -> timedelta:
    doubled: int = 2 ** min(failures - 1, MOST_DOUBLINGS)
    return min(FIRST_BACKOFF * doubled, LONGEST_BACKOFF)

"""Where a job stands: the values that decisions are taken from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

from finetune_operator.api.conditions import Reason
from finetune_operator.api.status import Stage
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Observed, ObservedJob, ObservedPod
from finetune_operator.planning.rejection import Rejection

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""In the order in which they run."""


@dataclass(frozen=True)
class Over:
    """A terminal state: nothing ever follows. ``remains`` are the children whose time to go has come."""

    remains: tuple[ObservedJob, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The spec is refused. ``final`` once waiting cannot mend it."""

    rejection: Rejection
    final: bool


@dataclass(frozen=True)
class Held:
    """Nothing runs, and nothing is created while ``spec.suspend`` is true. ``begun``: something was created before."""

    begun: bool = False


@dataclass(frozen=True)
class CalledOff:
    """Ended by its owner, with nothing published: a terminal state."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Wanted:
    """A stage must start. ``ended`` is the earlier attempt that this one follows, when there was one.

    ``finish``: train no more, publish the newest checkpoint. ``halvings``: how often the rows that a process holds at
    once are halved.
    """

    stage: Stage
    attempt: int
    ended: Ending | None = None
    finish: bool = False
    halvings: int = 0


@dataclass(frozen=True)
class Fenced:
    """A stage must start and may not yet: pods of an earlier attempt could still write."""

    stage: Stage
    pods: tuple[ObservedPod, ...]


@dataclass(frozen=True)
class BackingOff:
    """A stage must start again at ``until``."""

    stage: Stage
    until: datetime
    ended: Ending


@dataclass(frozen=True)
class Underway:
    """An attempt goes on, or its Job is over and the last word of its pod is not in yet."""

    job: ObservedJob


@dataclass(frozen=True)
class Leaving:
    """An attempt is to end because its owner or a limit of the job asks for it.

    ``told`` once the status says so: only then is it acted on, so that no operator takes the end for an accident.
    """

    job: ObservedJob
    cause: Reason
    message: str
    told: bool


@dataclass(frozen=True)
class Done:
    """All stages succeeded; ``ending`` is the last one's."""

    ending: Ending


@dataclass(frozen=True)
class Broken:
    """No retry follows. ``reason`` and ``message`` are the job's, ``ending`` the last attempt's."""

    ending: Ending
    reason: Reason
    message: str


Standing = Over | Refused | Held | CalledOff | Wanted | Fenced | BackingOff | Underway | Leaving | Done | Broken


@dataclass(frozen=True)
class View:
    """What a standing is taken from."""

    job: Job
    observed: Observed
    now: datetime

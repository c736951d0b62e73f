"""Where a job stands: one value out of the records in its status and what is observed. Decisions read nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, get_args

from finetune_operator.api.conditions import TERMINAL_PHASES, Reason
from finetune_operator.api.status import Attempt, Stage
from finetune_operator.planning.ending import VANISHED, Ending, ending_of
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Observed, ObservedJob, ObservedPod
from finetune_operator.planning.rejection import Rejection

STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""In the order in which they run."""

GRACE: Final = timedelta(seconds=10)
"""How long a refusal waits for what the same apply may still bring, such as an InstanceType."""

PATIENCE: Final = timedelta(minutes=10)
"""How long attempts may follow each other without a new checkpoint before that ends the job."""

FIRST_BACKOFF: Final = timedelta(seconds=10)
LONGEST_BACKOFF: Final = timedelta(minutes=5)
MOST_DOUBLINGS: Final = 10
"""More than enough to reach the longest; without a bound, backoffLimit 100 would overflow a timedelta."""
ATTEMPTS_WITHOUT_PROGRESS: Final = 3
"""So many in a row that the platform ended, with no checkpoint newer than those before them, and the job fails."""


@dataclass(frozen=True)
class Over:
    """A terminal state: nothing ever follows."""


@dataclass(frozen=True)
class Refused:
    """The spec is refused. ``final`` once waiting cannot mend it."""

    rejection: Rejection
    final: bool


@dataclass(frozen=True)
class Held:
    """Nothing was created, and nothing is while ``spec.suspend`` is true."""


@dataclass(frozen=True)
class CalledOff:
    """Cancelled before anything was created: a terminal state."""


@dataclass(frozen=True)
class Wanted:
    """A stage must start. ``ended`` is the earlier attempt that this one follows, when there was one."""

    stage: Stage
    attempt: int
    ended: Ending | None = None


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
class Done:
    """All stages succeeded; ``ending`` is the last one's."""

    ending: Ending


@dataclass(frozen=True)
class Broken:
    """No retry follows. ``reason`` and ``message`` are the job's, ``ending`` the last attempt's."""

    ending: Ending
    reason: Reason
    message: str


Standing = Over | Refused | Held | CalledOff | Wanted | Fenced | BackingOff | Underway | Done | Broken


@dataclass(frozen=True)
class View:
    """What a standing is taken from."""

    job: Job
    observed: Observed
    now: datetime


@dataclass(frozen=True)
class Ended:
    """One attempt that is over. ``recorded`` tells whether the status says so already."""

    stage: Stage
    number: int
    ending: Ending
    time: datetime
    recorded: bool
    checkpoint_step: int


def stand(view: View, rejection: Rejection | None) -> Standing:
    """Where the job stands. The first rung that applies decides."""
    if view.job.status.phase in TERMINAL_PHASES and not view.job.read_anew:
        return Over()
    if view.job.spec.cancel and _untouched(view):
        return CalledOff()
    if rejection:
        return Refused(rejection, final=_final(rejection, view))
    if view.job.spec.suspend and _untouched(view):
        return Held()
    prepared = _stage_stands(view, "prepare")
    return _stage_stands(view, "train") if isinstance(prepared, Done) else prepared


def _untouched(view: View) -> bool:
    observed = view.observed
    return not (view.job.status.attempts or observed.jobs or observed.orphans)


def _final(rejection: Rejection, view: View) -> bool:
    if rejection.waits:
        return False
    return not rejection.may_mend or view.now >= view.job.created + GRACE


def unconfirmed(standing: Standing, observed: Observed) -> bool:
    """Whether the standing rests on the absence of something, or on a last word that the watch may bring late.

    Then Jobs and pods are listed afresh and the job is looked at again. The very first start needs no proof: creating
    a Job whose name exists fails.
    """
    if observed.confirmed or isinstance(standing, Over | Refused):
        return False
    if isinstance(standing, Underway):
        return standing.job.finished
    return not (isinstance(standing, Wanted) and standing.stage == STAGES[0] and standing.attempt == 1)


def latest_attempt(view: View, stage: Stage) -> int:
    """The highest number that an attempt of this stage bears, in the records or in the cluster; 0 for none.

    Both are asked: an operator that was killed between creating a Job and writing it down must find it again.
    """
    recorded = [attempt.number for attempt in view.job.status.attempts if attempt.stage == stage]
    seen = [child.attempt for child in view.observed.jobs if child.stage == stage]
    return max([*recorded, *seen], default=0)


def record_of(job: Job, stage: Stage, number: int) -> Attempt | None:
    """What the status says of one attempt."""
    return next((a for a in job.status.attempts if (a.stage, a.number) == (stage, number)), None)


def ended_attempt(view: View, stage: Stage, number: int) -> Ended | None:
    """The attempt if it is over, by its record, by its settled Job, or because its Job vanished; else None."""
    record, current = record_of(view.job, stage, number), view.observed.job(stage, number)
    recorded = record is not None and record.end_time is not None
    if record and record.end_time:
        return Ended(stage, number, _recorded_ending(record), record.end_time, recorded, record.checkpoint_step or 0)
    if current is not None and not current.heard(view.now):
        return None
    ending = ending_of(current) if current else VANISHED
    return Ended(stage, number, ending, view.now, recorded, _checkpoint_step(view, number, ending))


def _stage_stands(view: View, stage: Stage) -> Standing:
    number = latest_attempt(view, stage)
    if number == 0:
        return _start(view, stage, 1, None)
    ended = ended_attempt(view, stage, number)
    current = view.observed.job(stage, number)
    if ended is None and current is not None:
        return Underway(current)
    return _after(view, ended) if ended else _start(view, stage, number, None)


def _after(view: View, ended: Ended) -> Standing:
    """What follows an attempt that is over."""
    match ended.ending.outcome:
        case "Succeeded":
            return Done(ended.ending)
        case "UserError":
            return Broken(ended.ending, ended.ending.reason, ended.ending.message)
        case "Platform":
            return _again(view, ended)
        case "Error":
            return _retry(view, ended)


def _again(view: View, ended: Ended) -> Standing:
    """After the platform ended an attempt: the next one, at once the first time, then ever more patiently.

    Three in a row without a new checkpoint end the job, unless they came within minutes: a node that turns pods away
    does so three times in seconds, and is soon drained or replaced.
    """
    fruitless = _fruitless(view, ended)
    if len(fruitless) + 1 >= ATTEMPTS_WITHOUT_PROGRESS and ended.time - fruitless[0].start_time >= PATIENCE:
        message = (
            f"{len(fruitless) + 1} attempts in a row ended without a new checkpoint; the last: {ended.ending.message}"
        )
        return Broken(ended.ending, Reason.NO_PROGRESS, message)
    until = ended.time + (_backoff(len(fruitless)) if fruitless else timedelta())
    if view.now < until:
        return BackingOff(ended.stage, until, ended.ending)
    return _start(view, ended.stage, ended.number + 1, ended.ending)


def _fruitless(view: View, ended: Ended) -> list[Attempt]:
    """The attempts right before this one that the platform ended too, none of them with a new checkpoint."""
    earlier = sorted(
        (a for a in view.job.status.attempts if a.stage == ended.stage and a.number < ended.number),
        key=lambda a: a.number,
    )
    found: list[Attempt] = []
    step = ended.checkpoint_step
    while earlier and step <= max(a.checkpoint_step or 0 for a in earlier):
        last = earlier.pop()
        if last.outcome != "Platform":
            break
        step = last.checkpoint_step or 0
        if earlier and step > max(a.checkpoint_step or 0 for a in earlier):
            break
        if not earlier and step > 0:
            break
        found.insert(0, last)
    return found


def _backoff(failures: int) -> timedelta:
    """10 s after the first failure, doubled with each, five minutes at most."""
    doubled: int = 2 ** min(failures - 1, MOST_DOUBLINGS)
    return min(FIRST_BACKOFF * doubled, LONGEST_BACKOFF)


def _retry(view: View, ended: Ended) -> Standing:
    """After an error that may be worth a retry: the limit, then an exponential backoff, then the next attempt."""
    retries = view.job.status.retries + (0 if ended.recorded else 1)
    if retries > view.job.spec.backoff_limit:
        message = f"{ended.ending.message} (after {view.job.spec.backoff_limit} retries)"
        return Broken(ended.ending, Reason.BACKOFF_LIMIT_EXCEEDED, message)
    until = ended.time + _backoff(retries)
    if view.now < until:
        return BackingOff(ended.stage, until, ended.ending)
    return _start(view, ended.stage, ended.number + 1, ended.ending)


def _start(view: View, stage: Stage, attempt: int, ended: Ending | None) -> Standing:
    pods = view.observed.live_pods()
    return Fenced(stage, pods) if pods else Wanted(stage, attempt, ended)


def _recorded_ending(record: Attempt) -> Ending:
    reason = next((reason for reason in Reason if reason == record.reason), Reason.ERROR)
    return Ending(record.outcome or "Error", reason, record.message or "", node=record.node)


def _checkpoint_step(view: View, number: int, ending: Ending) -> int:
    """The newest checkpoint that is known of the attempt: of its verdict, else of what it reported last.

    The report may have come to another operator, before this one took over: then the status has it.
    """
    if ending.verdict and ending.verdict.step:
        return ending.verdict.step
    progress, written = view.observed.progress, view.job.status.progress
    reported = progress.checkpoint_step if progress and progress.attempt == number else None
    return max(reported or 0, (written.checkpoint_step or 0) if written else 0)

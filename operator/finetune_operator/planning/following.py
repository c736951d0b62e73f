"""What follows an attempt that is over: the next stage, another attempt now or later, or the end of the job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.status import Attempt, Stage
from finetune_operator.planning.attempts import Ended, checkpoint_known, records_of_run
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.resolving.smaller_batch import ACCUMULATING, smaller_batch
from finetune_operator.planning.standing import (
    BackingOff,
    Broken,
    CalledOff,
    Done,
    Fenced,
    Standing,
    View,
    Wanted,
)

PATIENCE: Final = timedelta(minutes=10)
"""How long attempts may follow each other without a new checkpoint before that ends the job."""
PATIENCE_TO_PUBLISH: Final = timedelta(minutes=20)
"""How long a trained model is tried to be published: a store may be away for a while, and no GPU is held."""
FIRST_BACKOFF: Final = timedelta(seconds=10)
LONGEST_BACKOFF: Final = timedelta(minutes=5)
MOST_DOUBLINGS: Final = 10
"""More than enough to reach the longest; without a bound, backoffLimit 100 would overflow a timedelta."""
ATTEMPTS_WITHOUT_PROGRESS: Final = 3
"""So many in a row that the platform ended, with no checkpoint newer than those before them, and the job fails."""


def after(view: View, ended: Ended) -> Standing:
    """What follows an attempt that is over; nothing, while somebody else deleted its Job and its pods still write."""
    pods = view.observed.live_pods()
    return Fenced(ended.stage, pods) if pods and ended.ending.outcome != "Succeeded" else _follows(view, ended)


def _follows(view: View, ended: Ended) -> Standing:
    match ended.ending.outcome:
        case "Succeeded":
            return Done(ended.ending)
        case "UserError" if _may_halve(view, ended):
            return start(view, ended.stage, ended.number + 1, ended.ending)
        case "UserError":
            return Broken(ended.ending, ended.ending.reason, _with_remedy(view, ended))
        case "Platform":
            return _again(view, ended)
        case "Error":
            return _retry(view, ended)
        case "Requested":
            return _as_requested(view, ended)


def start(view: View, stage: Stage, attempt: int, ended: Ending | None) -> Standing:
    """An attempt, as soon as no pod of the job may write any more."""
    pods = view.observed.live_pods()
    if pods:
        return Fenced(stage, pods)
    if stage != "train":
        return Wanted(stage, attempt, ended)
    ran_out = _ran_out_before(view, attempt) or (ended is not None and ended.reason == Reason.OUT_OF_MEMORY)
    finish = view.job.spec.stop and checkpoint_known(view)
    return Wanted(stage, attempt, ended, finish, halvings=int(ran_out))


def _may_halve(view: View, ended: Ended) -> bool:
    """Whether half as many rows at once may mend it: once in a run, and only where the batch as a whole stays."""
    resolved = view.job.status.resolved
    if resolved is None or resolved.model is None or resolved.model.family != ACCUMULATING:
        return False
    ran_out = ended.stage == "train" and ended.ending.reason == Reason.OUT_OF_MEMORY
    return ran_out and resolved.micro_batch_size != 1 and not _ran_out_before(view, ended.number)


def _with_remedy(view: View, ended: Ended) -> str:
    """What ended it, and where memory ran out for good the batch that fits."""
    resolved, ending = view.job.status.resolved, ended.ending
    ran_out = ended.stage == "train" and ending.reason == Reason.OUT_OF_MEMORY
    remedy = smaller_batch(resolved) if ran_out and resolved else None
    return f"{ending.message}; {remedy}" if remedy else ending.message


def _ran_out_before(view: View, number: int) -> bool:
    earlier = (a for a in records_of_run(view, "train") if a.number < number)
    return any(a.reason == Reason.OUT_OF_MEMORY for a in earlier)


def _as_requested(view: View, ended: Ended) -> Standing:
    """After what the job's owner or a limit of the job asked for."""
    reason, message = ended.ending.reason, ended.ending.message
    if reason == Reason.CANCELLED:
        kept = f"; checkpoint {ended.checkpoint_step} stays" if ended.checkpoint_step else ""
        return CalledOff(reason, f"nothing is published{kept}")
    if reason in {Reason.START_DEADLINE_EXCEEDED, Reason.DEADLINE_EXCEEDED}:
        return Broken(ended.ending, reason, message)
    return start(view, ended.stage, ended.number + 1, ended.ending)


def _again(view: View, ended: Ended) -> Standing:
    """After the platform ended an attempt: the next one, at once the first time, then ever more patiently.

    Three in a row without a new checkpoint end the job, unless they came within minutes: a node that turns pods away
    does so three times in seconds, and is soon drained or replaced.
    """
    fruitless = _fruitless(view, ended)
    if ended.stage == "publish" and fruitless and ended.time - fruitless[0].start_time >= PATIENCE_TO_PUBLISH:
        message = f"the model is trained and could not be published; the last attempt: {ended.ending.message}"
        return Broken(ended.ending, Reason.BACKOFF_LIMIT_EXCEEDED, message)
    hopeless = ended.stage != "publish" and len(fruitless) + 1 >= ATTEMPTS_WITHOUT_PROGRESS
    if hopeless and ended.time - fruitless[0].start_time >= PATIENCE:
        message = (
            f"{len(fruitless) + 1} attempts in a row ended without a new checkpoint; the last: {ended.ending.message}"
        )
        return Broken(ended.ending, Reason.NO_PROGRESS, message)
    # One that failed by itself does so again at once; one whose node went does not.
    failed = ended.stage == "publish" and ended.ending.reason == Reason.ERROR
    wait = _backoff(len(fruitless) + failed) if fruitless or failed else timedelta()
    until = ended.time + wait
    if _is_ahead(until, view, wait):
        return BackingOff(ended.stage, until, ended.ending)
    return start(view, ended.stage, ended.number + 1, ended.ending)


def _fruitless(view: View, ended: Ended) -> list[Attempt]:
    """The attempts right before this one that the platform ended too, none of them with a new checkpoint."""
    earlier = [a for a in records_of_run(view, ended.stage) if a.number < ended.number]
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
    wait = _backoff(retries)
    until = ended.time + wait
    if _is_ahead(until, view, wait):
        return BackingOff(ended.stage, until, ended.ending)
    return start(view, ended.stage, ended.number + 1, ended.ending)


def _is_ahead(until: datetime, view: View, wait: timedelta) -> bool:
    """Whether a wait goes on. Beyond its own length it is none: the clock was set back, or is behind the cluster's."""
    return view.now < until <= view.now + wait

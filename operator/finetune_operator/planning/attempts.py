"""The attempts of a job: which there were, in the records or in the cluster, and how each of them ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.status import Attempt, FineTuneJobStatus, Outcome, Stage
from finetune_operator.planning.budget import ends_by_cost
from finetune_operator.planning.ending import VANISHED, Ending, Verdict, ending_of, ending_of_departed
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import ObservedJob
from finetune_operator.planning.standing import View

_SAVING: Final = frozenset({"completed", "deadline", "stopped", "retry"})
"""Results of who had the time to save."""
_UNSAVED: Final = frozenset({"Stalled", "PeerLost", "Superseded"})
"""Codes of a retry by who had not."""
_DONE_ANYWAY: Final = frozenset({"Succeeded", "UserError"})
"""How an attempt may end although it was told to: it was ready before it heard."""
_LIMITS: Final = frozenset(
    {
        Reason.START_DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
        Reason.STAGE_DEADLINE_EXCEEDED,
        Reason.STEP_STALLED,
    }
)
"""Why the operator ends an attempt that nobody asked to end."""
_TRIED_AGAIN: Final[Mapping[Reason, Outcome]] = {
    Reason.STEP_STALLED: "Platform",
    Reason.STAGE_DEADLINE_EXCEEDED: "Error",
}
"""Of these, after which the next attempt follows."""


@dataclass(frozen=True)
class Ended:
    """One attempt that is over. ``recorded`` tells whether the status says so already."""

    stage: Stage
    number: int
    ending: Ending
    time: datetime
    recorded: bool
    checkpoint_step: int


def latest_attempt(view: View, stage: Stage, run: int | None = None) -> int:
    """The highest number that an attempt of this stage bears, of one run or of all; 0 for none.

    Records and cluster are both asked: an operator that was killed between creating a Job and writing it down must find
    it again.
    """
    recorded = [a.number for a in view.job.status.attempts if a.stage == stage and run in {None, a.run}]
    seen = [child.attempt for child in view.observed.jobs if child.stage == stage and run in {None, child.run}]
    return max([*recorded, *seen], default=0)


def records_of_run(view: View, stage: Stage) -> list[Attempt]:
    """What the status says of the present run's attempts at a stage, oldest first."""
    own = (a for a in view.job.status.attempts if a.stage == stage and a.run == view.job.run)
    return sorted(own, key=lambda a: a.number)


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
    ending = ending_of(current) if current else _vanished(view, stage, number)
    if record and record.ends_for:
        ending = _as_asked(ending, record, view.job.status)
    if stage != "train":
        return Ended(stage, number, ending, _end_time(view, current), recorded, 0)
    step = _checkpoint_step(view, number, ending)
    return Ended(stage, number, _of_budget(view, ending), _end_time(view, current), recorded, step)


def checkpoint_seen(view: View, number: int) -> int:
    """The step of the newest checkpoint that an attempt at training wrote, of those that are listed; 0 for none."""
    pushed = view.observed.progress
    told = [each.step for each in (pushed.checkpoints if pushed else None) or () if each.attempt == number]
    listed = [each.step for each in view.job.status.checkpoints if each.attempt == number]
    return max([*told, *listed], default=0)


def checkpoint_known(view: View) -> bool:
    """Whether there is a checkpoint that the present run may go on from."""
    job, first = view.job, view.job.resume_from
    steps = [a.checkpoint_step for a in job.status.attempts if a.stage == "train" and a.number >= first]
    kept = [c.step for c in job.status.checkpoints if c.attempt >= first]
    pushed, written = view.observed.progress, job.status.progress
    told = [pushed.checkpoint_step if pushed and pushed.attempt >= first else None, written and written.checkpoint_step]
    number = latest_attempt(view, "train")
    # One that has just ended is in no record yet.
    ended = ended_attempt(view, "train", number) if number >= first else None
    return any((*steps, *kept, *told, ended and ended.checkpoint_step))


def _end_time(view: View, job: ObservedJob | None) -> datetime:
    """When the Job controller found it over, which may be long ago; never before its start nor after now."""
    if job is None or job.ended is None:
        return view.now
    return min(view.now, max(job.created, job.ended))


def _vanished(view: View, stage: Stage, number: int) -> Ending:
    """The Job is gone: its pods may have left a word, and one that has ended may still be there to ask."""
    there = (pod for pod in view.observed.orphans if pod.over)
    pods = tuple(pod for pod in (*view.observed.departed, *there) if (pod.stage, pod.attempt) == (stage, number))
    return ending_of_departed(pods) if pods else VANISHED


def _as_asked(ending: Ending, record: Attempt, told: FineTuneJobStatus) -> Ending:
    """It ended because it was told to, unless it was done or refused before it heard."""
    if ending.outcome in _DONE_ANYWAY:
        return ending
    reason = _reason(record.ends_for or "")
    outcome = _TRIED_AGAIN.get(reason, "Requested")
    if reason in _LIMITS:  # what its pods say is that they were told to end; why is what the status said by then
        said = told.message if told.reason == reason else record.message
        # What never ran has no exit code, though the kubelet makes one up.
        code = None if reason == Reason.START_DEADLINE_EXCEEDED else ending.exit_code
        return replace(ending, outcome=outcome, reason=reason, message=said or reason.sentence, exit_code=code)
    message = (
        ending.verdict.message if ending.verdict else f"ended by the operator: {record.message or reason.sentence}"
    )
    return replace(ending, outcome=outcome, reason=reason, message=message)


def _of_budget(view: View, ending: Ending) -> Ending:
    """Why its budget ended: the trainer knows one, what that came from is known here, at the moment of its end."""
    spec, resolved = view.job.spec, view.job.status.resolved
    if ending.reason != Reason.HOURS_EXHAUSTED or not ends_by_cost(spec, resolved):
        return ending
    currency = resolved.instance_type.currency if resolved else None
    trained = ending.verdict.step if ending.verdict else None
    after = f" after step {trained}" if trained else ""
    message = f"maxCost, {spec.max_cost:g} {currency or ''}".rstrip() + f", is reached{after}: the training ended there"
    return replace(ending, reason=Reason.MAX_COST_REACHED, message=message)


def _recorded_ending(record: Attempt) -> Ending:
    return Ending(record.outcome or "Error", _reason(record.reason or ""), record.message or "", node=record.node)


def _reason(word: str) -> Reason:
    return next((reason for reason in Reason if reason == word), Reason.ERROR)


def saved(verdict: Verdict) -> bool:
    """Whether its step is one that it saved: an end by mistake tells how far it was."""
    return verdict.result in _SAVING and verdict.code not in _UNSAVED


def _checkpoint_step(view: View, number: int, ending: Ending) -> int:
    """The newest checkpoint that is known of the attempt: of its verdict, else of what it reported last.

    The report may have come to another operator, before this one took over: then the status has it.
    """
    if ending.verdict and ending.verdict.step and saved(ending.verdict):
        return ending.verdict.step
    progress, written = view.observed.progress, view.job.status.progress
    reported = progress.checkpoint_step if progress and progress.attempt == number else None
    return max(reported or 0, (written.checkpoint_step or 0) if written else 0, checkpoint_seen(view, number))

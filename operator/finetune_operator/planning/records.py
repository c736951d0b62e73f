"""The attempts of a job as its status keeps them: what was recorded, brought up to date with what is observed."""

from __future__ import annotations

from typing import Final

from finetune_operator.api.conditions import Reason
from finetune_operator.api.names import stage_job_name
from finetune_operator.api.status import MOST_ATTEMPTS, Attempt, Stage
from finetune_operator.planning.asked import overrun_time
from finetune_operator.planning.attempts import Ended, checkpoint_seen, ended_attempt, latest_attempt, record_of
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.standing import STAGES, Leaving, Standing, View

LONGEST_MESSAGE: Final = 128
"""Of one attempt among eight: the resource stays below ten kilobytes."""


def attempts_of(view: View, standing: Standing) -> tuple[Attempt, ...]:
    """All attempts that are recorded or observed, oldest first. The eight latest, that of each stage among them."""
    observed = (_attempt(view, stage, number) for stage in STAGES for number in _numbers(view, stage))
    found = [_told(attempt, standing) for attempt in observed if attempt]
    found.sort(key=lambda a: (a.start_time, STAGES.index(a.stage), a.number))
    # Forgetting a stage's latest attempt would start that stage again, forgetting that memory ran out would try it again.
    latest = [a for a in found if a.number == latest_attempt(view, a.stage) or _ran_out(view, a)]
    others = [a for a in found if a not in latest]
    kept = others[max(0, len(found) - MOST_ATTEMPTS) :] + latest
    return tuple(a for a in found if a in kept)


def retries_of(view: View) -> int:
    """Failures that counted against backoffLimit, those that ended just now included."""
    fresh = [ending for stage in STAGES for ending in fresh_endings(view, stage)]
    return view.job.status.retries + sum(ending.outcome == "Error" for ending in fresh)


def fresh_endings(view: View, stage: Stage) -> tuple[Ending, ...]:
    """How attempts of the present run ended that the status does not tell of yet."""
    ended = (
        _fresh(view, stage, number) for number in _numbers(view, stage) if _run(view, stage, number) == view.job.run
    )
    return tuple(each.ending for each in ended if each)


def _ran_out(view: View, attempt: Attempt) -> bool:
    return attempt.run == view.job.run and attempt.reason == Reason.OUT_OF_MEMORY


def _numbers(view: View, stage: Stage) -> list[int]:
    """The attempts to look at. One below the newest record that has none itself was dropped, and is not news."""
    recorded = {attempt.number for attempt in view.job.status.attempts if attempt.stage == stage}
    return sorted(recorded.union(range(max(recorded, default=0) + 1, latest_attempt(view, stage) + 1)))


def _fresh(view: View, stage: Stage, number: int) -> Ended | None:
    if record_of(view.job, stage, number) is None and view.observed.job(stage, number) is None:
        return None
    ended = ended_attempt(view, stage, number)
    return ended if ended and not ended.recorded else None


def _attempt(view: View, stage: Stage, number: int) -> Attempt | None:
    record, child = record_of(view.job, stage, number), view.observed.job(stage, number)
    if record and record.end_time:
        return _with_checkpoint(record, checkpoint_seen(view, number) if stage == "train" else 0)
    if record is None and child is None:
        return None
    current = record or Attempt(
        stage=stage,
        number=number,
        run=_run(view, stage, number),
        job=stage_job_name(view.job.name, view.job.uid, stage, number),
        start_time=child.created if child else view.now,
    )
    if child and child.pod:
        started = current.running_time or child.pod.started
        overrun = overrun_time(view, child)
        update = {
            "node": child.pod.node or current.node,
            "running_time": started,
            "overrun_time": overrun if overrun and overrun <= view.now else None,
        }
        current = current.model_copy(update=update)
    ended = _fresh(view, stage, number)
    return current if ended is None else _ended(current, ended)


def _with_checkpoint(record: Attempt, step: int) -> Attempt:
    """With the last checkpoint that it saved: who was deleted saves too, and only the next attempt tells of it."""
    return record.model_copy(update={"checkpoint_step": step}) if step > (record.checkpoint_step or 0) else record


def _run(view: View, stage: Stage, number: int) -> int:
    record, child = record_of(view.job, stage, number), view.observed.job(stage, number)
    return record.run if record else child.run if child else view.job.run


def _told(attempt: Attempt, standing: Standing) -> Attempt:
    """With the word that it is being ended, and why: written down before it is done."""
    match standing:
        case Leaving(job, cause) if (job.stage, job.attempt) == (
            attempt.stage,
            attempt.number,
        ) and not attempt.end_time:
            first = attempt.message if attempt.ends_for == cause else None
            message = first or standing.message[:LONGEST_MESSAGE]
            return attempt.model_copy(update={"ends_for": str(cause), "message": message})
        case _:
            return attempt


def _ended(attempt: Attempt, ended: Ended) -> Attempt:
    return attempt.model_copy(
        update={
            "end_time": ended.time,
            "outcome": ended.ending.outcome,
            "reason": str(ended.ending.reason),
            "message": ended.ending.message[:LONGEST_MESSAGE],
            "checkpoint_step": ended.checkpoint_step or None,
        }
    )

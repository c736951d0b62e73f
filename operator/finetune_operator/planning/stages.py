"""The stages of the present run, for the status: what Kubernetes Events forget after an hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from finetune_operator.api.status import Attempt, Stage, StageRecord
from finetune_operator.planning.outcome import publishes
from finetune_operator.planning.standing import STAGES, Broken, CalledOff, Refused, Standing, View
from finetune_operator.planning.unpublished import trained_before

LONGEST_MESSAGE: Final = 96
"""The record of the attempt has more of it."""
ENDS = (Broken, CalledOff, Refused)


def stages_of(view: View, standing: Standing, attempts: Iterable[Attempt]) -> tuple[StageRecord, ...]:
    """One record for each stage of the run, by its attempts; the start is kept when old attempts are dropped."""
    own = [attempt for attempt in attempts if attempt.run == view.job.run]
    resolved = view.job.status.resolved
    left_out = {*(() if publishes(view.job) else ("publish",)), *(("prepare",) if resolved and resolved.folded else ())}
    left_out |= {"prepare", "train"} if trained_before(view.job) else set()
    names = [stage for stage in STAGES if stage not in left_out]
    if not own:
        return ()
    return tuple(_record(view, standing, name, [a for a in own if a.stage == name]) for name in names)


def _record(view: View, standing: Standing, name: Stage, attempts: list[Attempt]) -> StageRecord:
    if not attempts:
        return StageRecord(name=name, phase="Pending")
    before = next((record for record in view.job.status.stages if record.name == name), None)
    latest = max(attempts, key=lambda attempt: attempt.number)
    start = before.start_time if before and before.start_time else min(a.start_time for a in attempts)
    running = StageRecord(name=name, phase="Running", start_time=start, attempt=latest.number)
    if latest.end_time is None:
        return running
    done = latest.outcome == "Succeeded"
    if not done and not isinstance(standing, ENDS):
        return running.model_copy(update={"phase": "Stopped" if latest.outcome == "Requested" else "Pending"})
    said = {"end_time": latest.end_time, "message": (latest.message or "")[:LONGEST_MESSAGE]}
    phase = "Succeeded" if done else "Stopped" if isinstance(standing, CalledOff) else "Failed"
    return running.model_copy(update={"phase": phase, **said})

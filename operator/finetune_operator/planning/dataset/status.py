"""What the status of a Dataset says, out of where its inspection stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from finetune_operator.api.conditions import Reason
from finetune_operator.api.dataset import DatasetStatus
from finetune_operator.planning.dataset.findings import findings_of
from finetune_operator.planning.dataset.manifest import inspection_name
from finetune_operator.planning.dataset.standing import (
    BackingOff,
    Done,
    Hindered,
    Judged,
    Standing,
    Underway,
    View,
    Wanted,
)
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.kstatus import Word, conditions_of
from finetune_operator.planning.observed import Hint
from finetune_operator.planning.waiting import why_waiting

MEND: Final = "mend the data and register it again: delete this Dataset and apply it anew"


@dataclass(frozen=True)
class Beside:
    """What is known besides: Events about the inspection's pod, or what keeps its Job from being created."""

    hints: tuple[Hint, ...] = ()
    blocked: Word | None = None


def dataset_status(view: View, standing: Standing, beside: Beside) -> DatasetStatus:
    """The status that the Dataset should have now. Equal to the old one when there is nothing new to say."""
    registration = view.registration
    old = registration.status
    if isinstance(standing, Judged):
        return old
    word = beside.blocked or _word(standing, beside.hints)
    found = _found(standing) if isinstance(standing, Done) else DatasetStatus()
    return found.model_copy(
        update={
            "observed_generation": registration.generation,
            "conditions": conditions_of(word, registration.generation, old.conditions, view.now),
            "reason": word.reason[:64],
            "message": word.message[:2048],
            "revision": found.revision or (registration.spec.revision if isinstance(standing, Done) else None),
            "job": _job(view, standing),
            "inspected_time": f"{view.now:%Y-%m-%dT%H:%M:%SZ}" if isinstance(standing, Done) else None,
        }
    )


def _word(standing: Hindered | Wanted | BackingOff | Underway | Done, hints: tuple[Hint, ...]) -> Word:
    match standing:
        case Hindered(word):
            return word
        case Wanted(_, attempt, ended):
            after = f" after: {ended.message}" if ended else ""
            return Word("Reconciling", Reason.PENDING, f"inspection {attempt} will start{after}")
        case BackingOff(until, ended):
            message = f"the inspection starts again at {until:%H:%M:%S} UTC: {_words(ended)}"
            return Word("Reconciling", Reason.RETRYING, message)
        case Underway(inspection):
            why = why_waiting(inspection.job, hints)
            if why and why.reason:
                return Word("Reconciling", why.reason, why.message)
            return Word("Reconciling", Reason.VALIDATING, "the data is being looked at on CPU")
        case Done(_, ending):
            return _last_word(standing, ending)
    assert_never(standing)


def _last_word(done: Done, ending: Ending) -> Word:
    if done.valid:
        return Word("Ready", Reason.VALIDATED, ending.message)
    verdict = ending.verdict
    advice = f" {verdict.advice}" if verdict and verdict.advice else ""
    code = verdict.code if verdict and verdict.code else ending.reason
    words = _words(ending)
    return Word("Stalled", code, f"{words if words.endswith(('.', '?')) else f'{words}.'}{advice} Then {MEND}.")


def _words(ending: Ending) -> str:
    if ending.reason == Reason.OOM_KILLED:
        return f"{ending.message}: register smaller parts"
    return ending.message


def _found(done: Done) -> DatasetStatus:
    findings = findings_of(done.inspection.termination_message)
    return DatasetStatus(
        rows=findings.rows,
        frames=findings.frames,
        fps=findings.fps,
        # No token at all means that there was no tokenizer to count them.
        tokens=findings.tokens or None,
        longest_row_tokens=findings.longest_row_tokens or None,
        format=findings.format,
        revision=findings.revision,
        digest=findings.digest,
        image_keys=findings.image_keys,
        warnings=findings.warnings,
        faults=tuple(fault.sentence() for fault in findings.faults),
    )


def _job(view: View, standing: Standing) -> str | None:
    """The latest Job; its number is what the next one counts from."""
    if isinstance(standing, Wanted):
        return inspection_name(view.registration, standing.attempt - 1) if standing.attempt > 1 else None
    newest = max(view.inspections, key=lambda each: each.job.attempt, default=None)
    return newest.job.name if newest else view.registration.status.job

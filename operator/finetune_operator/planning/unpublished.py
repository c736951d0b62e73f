"""A model that is trained and not published: kept in the status, so that a new run need not train for it again."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.status import Outcome, Unpublished
from finetune_operator.planning.attempts import ended_attempt, latest_attempt
from finetune_operator.planning.job import Job
from finetune_operator.planning.observed import Observed
from finetune_operator.planning.outcome import publishes
from finetune_operator.planning.standing import Done, Standing, View

FAILED: Final[frozenset[Outcome]] = frozenset({"UserError", "Platform", "Error"})
"""How an attempt ends that nobody asked to end."""
DIGEST_LENGTH: Final = 16
"""Of hexadecimal digits: it tells one wish from the next, and nobody from somebody else's."""


def unpublished_of(view: View, standing: Standing) -> Unpublished | None:
    """What is trained and waits for stage publish; None once that is done, and for a job that has no such stage."""
    if isinstance(standing, Done) or not publishes(view.job):
        return None
    if view.job.status.unpublished:
        return view.job.status.unpublished
    number = latest_attempt(view, "train", view.job.run)
    ended = ended_attempt(view, "train", number) if number else None
    if ended is None or ended.ending.outcome != "Succeeded":
        return None
    return Unpublished(run=view.job.run, reason=ended.ending.reason, asked=_asked(view.job.spec))


def trained_before(job: Job) -> Reason | None:
    """Why the training ended that an earlier run did for the present one; None for a run that trains for itself."""
    waiting = job.status.unpublished
    if waiting is None or waiting.run == job.run:
        return None
    return next((reason for reason in Reason if reason == waiting.reason), Reason.COMPLETED)


def still_to_publish(job: Job, observed: Observed) -> Unpublished | None:
    """What a run that begins goes on with: the training of the run before it, whose publishing failed.

    None when there is nothing like that, and when more was asked for than was trained: a start from scratch, another
    budget, other hyperparameters or cameras, or a stop that was taken back. An operator that was killed before it wrote
    down how the run begins finds that by its Jobs.
    """
    waiting, spec = job.status.unpublished, job.spec
    if waiting is None:
        return None
    begun = {child.stage for child in observed.jobs if child.run == spec.restart_generation}
    if begun:
        return waiting if begun == {"publish"} else None
    resumed = waiting.reason == Reason.STOPPED and not spec.stop
    same = waiting.asked == _asked(spec) and spec.restart_from == "checkpoint" and not resumed
    return waiting if same and _failed(job, observed, waiting) else None


def _failed(job: Job, observed: Observed, waiting: Unpublished) -> bool:
    """Whether publishing it ended badly. Where it went well until the new run was asked for, that wants something else."""
    if job.status.phase == Phase.FAILED:
        return True
    if any(a.stage == "publish" and a.run >= waiting.run and a.outcome in FAILED for a in job.status.attempts):
        return True
    view = View(job, observed, job.created)
    number = latest_attempt(view, "publish", job.run)
    ended = ended_attempt(view, "publish", number) if number else None
    return ended is not None and ended.ending.outcome in FAILED


def _asked(spec: FineTuneJobSpec) -> str:
    """Digest of what decides how far and how a run trains, of all that may differ from one run to the next."""
    hyperparameters = spec.hyperparameters.wire() if spec.hyperparameters else {}
    asked = [spec.hours, spec.max_cost, hyperparameters, dict(spec.camera_mappings or {})]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:DIGEST_LENGTH]

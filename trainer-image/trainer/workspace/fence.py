"""The fence: a workspace belongs to one job, and to the newest attempt of it.

No operator can prove that a process on a lost node has ended. So each attempt leaves its number here at its start and
looks again before it declares anything complete: an older attempt finds a higher number and gives up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.failures import Interrupted, UserError
from trainer.workspace.jsonfile import number_at, read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.contract.run import Job


def check_owner(fence: Path, job: Job) -> None:
    """UserError (OutputOccupied) when another job's work lies in this workspace."""
    owner = read_json(fence)
    uid = owner.get("jobUid", job.uid)
    if uid == job.uid:
        return
    name, own = owner.get("job"), f"{job.namespace}/{job.name}"
    other = (
        f"an earlier FineTuneJob of the same name, {own} (uid {uid}); this one has uid {job.uid}"
        if name == own
        else f"another FineTuneJob, {name or f'of uid {uid}'}"
    )
    raise UserError(
        "OutputOccupied",
        f"the output folder holds the checkpoints and model of {other}",
        param="spec.output",
        advice="Nothing is overwritten. Name another folder in spec.output.uri (pvc://CLAIM/FOLDER), or, once nobody needs"
        " what lies there, remove that folder from the claim and apply the job again.",
    )


def take_fence(fence: Path, job: Job, attempt: int) -> None:
    """Declare `attempt` the newest; Interrupted when a newer one has been here."""
    check_owner(fence, job)
    check_fence(fence, attempt)
    write_json(fence, {"attempt": attempt, "job": f"{job.namespace}/{job.name}", "jobUid": job.uid})


def holds_fence(fence: Path, attempt: int) -> bool:
    """Whether `attempt` is the one that has declared itself the newest."""
    return int(number_at(read_json(fence), "attempt")) == attempt


def check_fence(fence: Path, attempt: int) -> None:
    """Interrupted (Superseded) when a newer attempt than `attempt` has taken the workspace."""
    newest = int(number_at(read_json(fence), "attempt"))
    if newest > attempt:
        raise Interrupted("Superseded", f"attempt {newest} has taken over; attempt {attempt} ends and writes no more")

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
    if owner.get("jobUid", job.uid) != job.uid:
        other = owner.get("job", "another job")
        raise UserError(
            "OutputOccupied",
            f"the output volume already holds the checkpoints and model of {other}, which was another FineTuneJob",
            param="spec.output",
            advice="Give this job an output of its own, or empty the volume once what it holds is no longer needed.",
        )


def take_fence(fence: Path, job: Job, attempt: int) -> None:
    """Declare `attempt` the newest; Interrupted when a newer one has been here."""
    check_owner(fence, job)
    check_fence(fence, attempt)
    write_json(fence, {"attempt": attempt, "job": f"{job.namespace}/{job.name}", "jobUid": job.uid})


def check_fence(fence: Path, attempt: int) -> None:
    """Interrupted (Superseded) when a newer attempt than `attempt` has taken the workspace."""
    newest = int(number_at(read_json(fence), "attempt"))
    if newest > attempt:
        raise Interrupted("Superseded", f"attempt {newest} has taken over; attempt {attempt} ends and writes no more")

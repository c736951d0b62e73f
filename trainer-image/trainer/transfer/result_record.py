"""finetune-result.json: the last file of a published model, by which it is known to be whole and whose it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.transfer.listing import file_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.contract.run import Run

RECORD: Final = "finetune-result.json"
CLAIM: Final = "finetune-upload.json"
"""Beside what is not whole yet: whose upload it is."""
MOST_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Result:
    """A finished model and whose it is. `files` has the size and the SHA-256 of each by its name."""

    job: str
    uid: str
    run: int
    kind: str
    digest: str
    files: Mapping[str, Mapping[str, object]]

    def to_json(self) -> bytes:
        """The record as it is published."""
        document = {
            "job": self.job,
            "jobUid": self.uid,
            "run": self.run,
            "kind": self.kind,
            "digest": self.digest,
            "files": self.files,
        }
        return json.dumps(document, indent=1).encode()

    def claim(self) -> bytes:
        """What stands there until the record does."""
        document = {"job": self.job, "jobUid": self.uid, "run": self.run, "digest": self.digest}
        return json.dumps(document, indent=1).encode()

    def is_recorded_by(self, document: Mapping[str, object]) -> bool:
        """Whether a record or a claim is of exactly this model."""
        return (document.get("jobUid"), document.get("digest")) == (self.uid, self.digest)


def result_of(run: Run, folder: Path, artifact: Mapping[str, object]) -> Result:
    """The record of the finished model in `folder`."""
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return Result(
        job=f"{run.job.namespace}/{run.job.name}",
        uid=run.job.uid,
        run=run.number,
        kind=str(artifact["kind"]),
        digest=str(artifact["digest"]),
        files={
            name: {"bytes": path.stat().st_size, "sha256": file_digest(path, "sha256")} for name, path in files.items()
        },
    )


def parse_record(content: bytes) -> dict[str, object]:
    """A record or a claim read without trust; empty when it makes no sense."""
    try:
        document: object = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def occupied(uri: str, owner: Mapping[str, object], names: Sequence[str]) -> UserError:
    """Something lies there that this job did not make."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    whose = f"the model of FineTuneJob {owner['job']} lies there" if owner.get("job") else "other files lie there"
    return UserError(
        "OutputOccupied",
        f"{uri} is not free: {whose} ({', '.join(sorted(names)[:MOST_NAMES])}{more})",
        param="spec.output.uri",
        advice="Name another place in spec.output.uri, or move what lies there away; nothing is ever overwritten.",
    )

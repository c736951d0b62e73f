"""Bringing the finished model to where the job wants it: s3, gs or a repository of the Hub.

Content comes first and `finetune-result.json` last, so whoever reads after that reads all of it. What another job has
put there is never touched; an upload of this very job that was cut off is gone on with.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from trainer.contract.verdict import Artifact, Verdict
from trainer.failures import StageEnd, UserError
from trainer.signs import FOLDER, own_signs
from trainer.transfer.complaints import Subject, end_of
from trainer.transfer.persistence import Persistence
from trainer.transfer.places import is_elsewhere, parse_place
from trainer.transfer.result_record import Result, result_of
from trainer.transfer.secrets import secrets_of
from trainer.transfer.trouble import trouble_of
from trainer.workspace.fence import check_fence, take_fence
from trainer.workspace.jsonfile import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace

CHECKED: Final = "destination.json"
"""In the workspace: that the output was found to be writable, and which."""
PARAM: Final = "spec.output.uri"


class Destination(Protocol):
    """A place that a model can be published to. Raises whatever its library does, and OutputOccupied."""

    @property
    def uri(self) -> str:
        """Where the model of this run will lie."""

    def check(self, result: Result | None) -> None:
        """See that it is free, or this job's own, and can be written to; leaves nothing behind."""

    def put(self, result: Result, folder: Path, before_last: Callable[[], None]) -> str:
        """Bring all files and then the record. Returns the version that the store has of it, empty if none.

        `before_last` is called before the model is declared whole.
        """


def leaves_the_cluster(run: Run) -> bool:
    """Whether the finished model is to be uploaded."""
    return is_elsewhere(run.output.uri)


def check_destination(run: Run, workspace: Workspace, environment: Mapping[str, str]) -> None:
    """See, once a run, that the output can be published to, before anything is trained for nothing.

    UserError (SourceForbidden, OutputOccupied …) on `spec.output.uri` when it cannot. Only the first process asks.
    """
    if not leaves_the_cluster(run) or environment.get("RANK", "0") != "0":
        return
    record = {"jobUid": run.job.uid, "run": run.number, "uri": run.output.uri}
    if read_json(workspace.root / CHECKED) == record:
        return
    _at_destination(run, environment, lambda destination, means: means.until_done(lambda: destination.check(None)))
    write_json(workspace.root / CHECKED, record)


def published(run: Run, workspace: Workspace, finished: Mapping[str, object]) -> Mapping[str, object]:
    """The verdict of stage publish once the model is where the job wants it; `finished` is that of the model in place.

    May be cut off anywhere and done again. UserError and Broken say why not; Interrupted when a newer attempt is here.
    """
    if not leaves_the_cluster(run):
        return finished
    take_fence(workspace.publish_fence, run.job, run.attempt)
    artifact = finished["artifact"]
    if not isinstance(artifact, dict):
        raise TypeError("a finished model has an artifact")
    result = result_of(run, workspace.model, artifact)
    uri, version = "", ""

    def put(destination: Destination, means: Persistence) -> None:
        nonlocal uri, version
        uri = destination.uri
        still_ours = lambda: check_fence(workspace.publish_fence, run.attempt)  # noqa: E731 - said once
        version = means.until_done(lambda: destination.put(result, workspace.model, still_ours))

    _at_destination(run, os.environ, put)
    merged = str(finished["message"]) + "; " if finished.get("stage") == "publish" else ""
    place = Artifact(
        path=str(artifact["path"]),
        kind=artifact["kind"],
        files=tuple(result.files),
        bytes=int(artifact["bytes"]),
        digest=str(artifact["digest"]),
        uri=uri,
        revision=version,
    )
    return Verdict("publish", run.attempt, "completed", f"{merged}published to {uri}", artifact=place).to_json()


def _at_destination(
    run: Run, environment: Mapping[str, str], action: Callable[[Destination, Persistence], object]
) -> None:
    place = parse_place(run.output.uri, PARAM, "model")
    secrets = secrets_of("OUTPUT", environment)
    subject = Subject(place, PARAM, secrets, secret_param="spec.output.secretRef")  # noqa: S106 - a field's name
    folder = environment.get(FOLDER)
    signs = own_signs(Path(folder) if folder else None, environment)
    persistence = Persistence()
    try:
        signs.give("loading", 0)
        action(_destination(run, subject), persistence)
    except Exception as error:  # noqa: BLE001 - each library has its own; a cause would show its text in the log
        if not isinstance(error, StageEnd) and trouble_of(error) == "absent":
            raise UserError(
                "OutputNotFound",
                f"{place.shown}: there is no such bucket or repository, or it cannot be seen",
                param=PARAM,
                advice="Make the bucket first, or check its spelling and what the secret's owner may see.",
            ) from None
        raise end_of(subject, error, environment) from None


def _destination(run: Run, subject: Subject) -> Destination:
    # Heavy, and one of them at most.
    if subject.place.scheme == "hf":
        from trainer.transfer.hub_destination import HubDestination  # noqa: PLC0415

        return HubDestination(run, subject.place, subject.secrets)
    from trainer.transfer.bucket_destination import BucketDestination  # noqa: PLC0415

    return BucketDestination(run, subject.place, subject.secrets)

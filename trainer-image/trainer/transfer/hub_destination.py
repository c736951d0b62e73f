"""Publishing to a repository of the Hub: one commit, so that readers see all of it or nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.failures import UserError
from trainer.transfer.hub_store import hub_api, online
from trainer.transfer.result_record import RECORD, Result, occupied, parse_record
from trainer.transfer.trouble import trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.contract.run import Run
    from trainer.transfer.places import Place
    from trainer.transfer.secrets import Secrets

OF_A_NEW_REPOSITORY: Final = (".gitattributes", "README.md", "LICENSE")
MAY_WRITE: Final = ("write", "admin", "contributor")


class HubDestination:
    """A model repository: made, and private, when there is none. Later runs of a job are later commits."""

    def __init__(self, run: Run, place: Place, secrets: Secrets) -> None:
        self._repository = place.root
        self._uid = run.job.uid
        self._title = f"Model of FineTuneJob {run.job.namespace}/{run.job.name}, run {run.number}"
        self._api = hub_api(secrets)
        self._secrets = secrets

    @property
    def uri(self) -> str:
        """Where the model will lie."""
        return f"hf://{self._repository}"

    def check(self, result: Result | None) -> None:  # noqa: ARG002 - who may write is asked without one
        """Ask who the token is of and what it may do; OutputOccupied when the repository holds something else."""
        if not self._secrets.get("TOKEN"):
            raise UserError(
                "SourceForbidden",
                f"publishing to {self.uri} needs a token, and none was given ({self._secrets.name})",
                param="spec.output.uri",
                advice="Name a Secret with a token that may write in spec.output.secretRef.",
            )
        with online():
            who: Mapping[str, Any] = self._api.whoami()
            self._check_rights(who)
            if self._exists():
                self._look()

    def put(self, result: Result, folder: Path, before_last: Callable[[], None]) -> str:
        """Upload what the Hub has not yet, then commit all of it with its record. Returns the commit."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete  # noqa: PLC0415 - heavy

        with online():
            if not self._exists():
                self._api.create_repo(self._repository, private=True, exist_ok=True)
            head, names, owner = self._look()
            if result.is_recorded_by(owner):
                return head
            before_last()
            added = [CommitOperationAdd(name, str(folder / name)) for name in result.files]
            added.append(CommitOperationAdd(RECORD, result.to_json()))
            stale = [name for name in names if name not in result.files and name not in OF_A_NEW_REPOSITORY]
            removed = [CommitOperationDelete(name) for name in stale if name != RECORD]
            # On top of what was looked at, or not at all: somebody else may have come between.
            info = self._api.create_commit(
                self._repository, [*added, *removed], commit_message=self._title, parent_commit=head
            )
        return str(info.oid)

    def _look(self) -> tuple[str, Sequence[str], Mapping[str, object]]:
        """The newest commit, its files, and what its record says. OutputOccupied when it is not this job's."""
        head = str(self._api.repo_info(self._repository).sha)
        tree = self._api.list_repo_tree(self._repository, recursive=True, revision=head)
        names = [str(entry.path) for entry in tree if getattr(entry, "size", None) is not None]
        owner: dict[str, object] = {}
        if RECORD in names:
            with tempfile.TemporaryDirectory() as folder:
                record = self._api.hf_hub_download(self._repository, RECORD, revision=head, local_dir=folder)
                owner = parse_record(Path(record).read_bytes())
        others = [name for name in names if name not in OF_A_NEW_REPOSITORY]
        if others and owner.get("jobUid") != self._uid:
            raise occupied(self.uri, owner, others)
        return head, names, owner

    def _exists(self) -> bool:
        try:
            self._api.repo_info(self._repository)
        except Exception as error:
            if trouble_of(error) == "absent":
                return False
            raise
        return True

    def _check_rights(self, who: Mapping[str, Any]) -> None:
        """UserError when the token can be seen not to write there; a fine-grained one does not tell."""
        token = who.get("auth", {}).get("accessToken", {})
        owner = self._repository.partition("/")[0]
        mine = {
            str(who.get("name")): "admin",
            **{str(o.get("name")): str(o.get("roleInOrg", "write")) for o in who.get("orgs", [])},
        }
        if token.get("role") == "read":
            problem = "only read"
        elif owner not in mine or mine[owner] not in MAY_WRITE:
            problem = f"not write to {owner}; it is of {who.get('name')}"
        else:
            return
        raise UserError(
            "SourceForbidden",
            f"the token for {self.uri} ({self._secrets.name}) may {problem}",
            param="spec.output.uri",
            advice="Put a token that may write there into the Secret of spec.output.secretRef.",
        )

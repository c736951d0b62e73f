"""Repositories of the Hugging Face Hub, through its own client: `HF_ENDPOINT` says which Hub."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.transfer.listing import Algorithm, Listing, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.transfer.places import Place
    from trainer.transfer.secrets import Secrets

PIECE_BYTES: Final = 16 << 20

_lock = threading.Lock()
_users: list[bool] = []
"""What the client's switch stood at before each of those who are online now."""


@contextmanager
def online() -> Iterator[None]:
    """Let the Hub's client use the network: everywhere else the trainer's libraries are kept off it.

    May be entered by several threads; the last one to leave switches it off again.
    """
    # Heavy, and only wanted by those who fetch.
    from huggingface_hub import constants  # noqa: PLC0415

    with _lock:
        _users.append(constants.HF_HUB_OFFLINE)
        constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        with _lock:
            before = _users.pop()
            if not _users:
                constants.HF_HUB_OFFLINE = before


def hub_api(secrets: Secrets) -> Any:  # noqa: ANN401 - the client's types are not at hand everywhere
    """The Hub's client with one purpose's token and no other."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - heavy
    from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()  # a pod's log is no terminal
    # False, not None: a token that lies about in the environment is for something else.
    return HfApi(token=secrets.get("TOKEN") or False)


def hub_files(secrets: Secrets) -> Any:  # noqa: ANN401 - as above
    """The Hub's file system of fsspec, which its client brings."""
    from huggingface_hub import HfFileSystem  # noqa: PLC0415 - heavy

    return HfFileSystem(token=secrets.get("TOKEN") or False, skip_instance_cache=True)


class HubStore:
    """One repository at one revision as a store; the revision is a branch, a tag or a commit, empty for main."""

    def __init__(self, place: Place, secrets: Secrets, revision: str) -> None:
        self._place = place
        self._api = hub_api(secrets)
        self._files = hub_files(secrets)
        self._revision = revision or None
        self._prefix = ""

    def listing(self) -> Listing:
        """All files at the commit that the revision is now."""
        named = {"repo_type": self._place.repo_type}
        with online():
            commit = str(self._api.repo_info(self._place.root, revision=self._revision, **named).sha)
            tree = list(self._api.list_repo_tree(self._place.root, recursive=True, revision=commit, **named))
        self._revision = commit
        files = [_remote(entry) for entry in tree if getattr(entry, "size", None) is not None]
        return self._below(files, commit)

    def fetch(self, file: RemoteFile, folder: Path, pieces: int) -> Path:  # noqa: ARG002 - one after the other
        """Append to the file's part what it still lacks, through the client's own file system.

        Its `hf_hub_download` begins anew in every process: what it has of a file bears a name by chance.
        """
        part = folder / f"{file.name}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        kind = "datasets/" if self._place.repo_type == "dataset" else ""
        source = f"{kind}{self._place.root}@{self._revision}/{self._prefix}{file.name}"
        size = file.size or 0
        with online(), part.open("ab") as written:
            if written.tell() > size:
                written.truncate(0)
            if written.tell() == size:
                return part
            with self._files.open(source, "rb", block_size=PIECE_BYTES, cache_type="none") as remote:
                remote.seek(written.tell())
                while piece := remote.read(min(PIECE_BYTES, size - written.tell())):
                    written.write(piece)
                    written.flush()
        return part

    def _below(self, files: list[RemoteFile], commit: str) -> Listing:
        path = self._place.path
        single = next((file for file in files if path and file.name == path), None)
        if single is not None:
            self._prefix = path[: len(path) - len(Path(path).name)]
            return Listing((_renamed(single, self._prefix),), commit, single=True)
        self._prefix = f"{path}/" if path else ""
        below = tuple(_renamed(file, self._prefix) for file in files if file.name.startswith(self._prefix))
        if not below:
            raise FileNotFoundError(path)
        return Listing(below, commit)


def _remote(entry: Any) -> RemoteFile:  # noqa: ANN401 - a RepoFile
    digests: dict[Algorithm, str] = {"sha256": str(entry.lfs.sha256)} if entry.lfs else {"git": str(entry.blob_id)}
    return RemoteFile(str(entry.path), int(entry.size), digests, next(iter(digests.values())))


def _renamed(file: RemoteFile, prefix: str) -> RemoteFile:
    return RemoteFile(file.name.removeprefix(prefix), file.size, file.digests, file.tag)

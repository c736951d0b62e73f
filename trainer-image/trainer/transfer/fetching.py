"""Bringing what a run wants here: found again, gone on with, or fetched; each file checked before it counts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trainer.transfer.activity import Activity
from trainer.transfer.complaints import Subject, damaged, disk_full, end_of
from trainer.transfer.fetched import Kept, Shelf, size_of
from trainer.transfer.hub_store import HubStore
from trainer.transfer.listing import difference
from trainer.transfer.object_store import ObjectStore
from trainer.transfer.persistence import Persistence
from trainer.transfer.secrets import secrets_of
from trainer.transfer.wants import is_sample, needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.signs import Signs
    from trainer.transfer.listing import Listing, RemoteFile, Store
    from trainer.transfer.wants import Want

MOST_AT_ONCE: Final = 8
"""Pieces of files that are on their way at once: 8 MiB each of memory."""
ROOM: Final = 64 << 20
"""Bytes that stay free."""


@dataclass(frozen=True, slots=True)
class Means:
    """With what things are fetched: where they are kept, the credentials, the patience, and who is told of it."""

    shelf: Shelf
    environment: Mapping[str, str]
    signs: Signs
    persistence: Persistence = field(default_factory=Persistence)


def fetch(want: Want, means: Means) -> Kept:
    """What is wanted, whole and here. Costs no network once the job has it. UserError or Broken says why not."""
    found = _found(want, means.shelf)
    if found is not None:
        return found
    with means.shelf.locked(want.key, lambda: _wait(means)):
        return _found(want, means.shelf) or _fetch(want, means)


def subject_of(want: Want, environment: Mapping[str, str]) -> Subject:
    """What complaints about a want name."""
    secret = {"MODEL": "spec.model.secretRef", "OUTPUT": "spec.output.secretRef"}
    place = want.param.rpartition(".")[0]
    return Subject(
        place=want.place,
        param=want.param,
        secrets=secrets_of(want.purpose, environment),
        absent_code=want.absent_code,
        revision=want.revision,
        secret_param=secret.get(want.purpose, f"{place}.secretRef"),
    )


def _found(want: Want, shelf: Shelf) -> Kept | None:
    digest, _ = shelf.pinned(want.key)
    return shelf.kept(digest) if digest else None


def _wait(means: Means) -> None:
    means.signs.give("loading", 0)
    time.sleep(0.5)


def _fetch(want: Want, means: Means) -> Kept:
    subject = subject_of(want, means.environment)
    _, pinned = means.shelf.pinned(want.key)
    try:
        store = _store(want, subject, pinned)
        means.signs.give("loading", 0)
        listing = means.persistence.until_done(store.listing)
        files = tuple(_known(want, file) for file in needed(want, listing))
        digest = _digest(want, listing, files)
        if means.shelf.kept(digest) is None:
            _bring_wanted(_Errand(store, subject, means, digest), want, files)
            means.shelf.finish(digest, _marker(want, listing, files))
        # Last: from here on the job goes by this revision, whatever becomes of the branch.
        means.shelf.pin(want.key, digest, listing.revision, want.place.shown)
    except Exception as error:  # noqa: BLE001 - each library has its own; a cause would show its text in the log
        raise end_of(subject, error, means.environment) from None
    return means.shelf.kept(digest) or Kept(means.shelf.folder(digest), listing.revision)


def _store(want: Want, subject: Subject, pinned: str) -> Store:
    if want.place.scheme == "hf":
        return HubStore(want.place, subject.secrets, pinned or want.revision)
    return ObjectStore(want.place, subject.secrets, want.files)


def _known(want: Want, file: RemoteFile) -> RemoteFile:
    """The file with the digest that it must have, whatever its store tells of it."""
    return dataclasses.replace(file, digests={**file.digests, "sha256": want.sha256}) if want.sha256 else file


def _digest(want: Want, listing: Listing, files: Sequence[RemoteFile]) -> str:
    """A name for exactly this content: of the place, the revision, and the files that it is chosen from."""
    named = sorted((file.name, file.size, file.tag) for file in files)
    content: list[object] = [want.place.shown, listing.revision, named]
    # Which files those are is told by some of them: but of the same files it is the same sample.
    content += ["sample"] if is_sample(want, files) else []
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _marker(want: Want, listing: Listing, files: Sequence[RemoteFile]) -> dict[str, object]:
    return {
        "place": want.place.shown,
        "revision": listing.revision,
        **({"single": files[0].name} if listing.single else {}),
    }


@dataclass(frozen=True, slots=True)
class _Errand:
    store: Store
    subject: Subject
    means: Means
    digest: str

    @property
    def folder(self) -> Path:
        return self.means.shelf.folder(self.digest)

    @property
    def partial(self) -> Path:
        return self.means.shelf.partial(self.digest)


def _bring_wanted(errand: _Errand, want: Want, files: Sequence[RemoteFile]) -> None:
    """Bring the files; of a sample first `meta/`, which says where the first episode lies."""
    if want.sample_of is None or not is_sample(want, files):
        _bring(errand, files)
        return
    # Heavy, and only wanted by those who look at datasets of robots.
    from trainer.recordings.part import META, files_of_part  # noqa: PLC0415

    _bring(errand, [file for file in files if file.name.startswith(META)])
    dataset = dataclasses.replace(want.sample_of, path=errand.folder)
    wanted = files_of_part(dataset, {file.name: file.size for file in files})
    _bring(errand, [file for file in files if file.name in wanted])


def _bring(errand: _Errand, files: Sequence[RemoteFile]) -> None:
    missing = [file for file in files if size_of(errand.folder / file.name) is None or not _same_size(errand, file)]
    errand.folder.mkdir(parents=True, exist_ok=True)
    errand.partial.mkdir(parents=True, exist_ok=True)
    _check_room(errand, missing)
    at_once = min(MOST_AT_ONCE, len(missing)) or 1
    total = sum(file.size or 0 for file in missing)
    watched = Activity(errand.means.signs, errand.subject.place.shown, (errand.partial, errand.folder), total)
    with watched as activity, ThreadPoolExecutor(at_once) as pool:
        waiting = [pool.submit(_bring_one, errand, file, activity, MOST_AT_ONCE // at_once) for file in missing]
        try:
            for each in waiting:
                each.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _same_size(errand: _Errand, file: RemoteFile) -> bool:
    return size_of(errand.folder / file.name) == file.size


def _check_room(errand: _Errand, missing: Sequence[RemoteFile]) -> None:
    here = sum(path.stat().st_size for path in errand.partial.rglob("*") if path.is_file())
    needs = sum(file.size or 0 for file in missing) - here
    free = shutil.disk_usage(errand.partial).free
    if needs > 0 and needs + ROOM > free:
        raise disk_full(errand.subject, needs, free)


def _bring_one(errand: _Errand, file: RemoteFile, activity: Activity, pieces: int) -> None:
    """Fetch, check and put in place; what differs from what the store says is fetched once more."""
    problem = ""
    for _ in range(2):
        path = errand.means.persistence.until_done(
            lambda: errand.store.fetch(file, errand.partial, pieces), activity.seen
        )
        activity.sign()
        problem = difference(file, path)
        if not problem:
            target = errand.folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            return
        path.unlink()
    raise damaged(errand.subject, file.name, problem)

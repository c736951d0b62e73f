"""Publishing to a bucket of s3 or gs: a claim, the files, the record; then the claim goes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from trainer.failures import Broken
from trainer.transfer.file_systems import open_file_system
from trainer.transfer.listing import file_digest
from trainer.transfer.result_record import CLAIM, RECORD, Result, occupied, parse_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.transfer.places import Place
    from trainer.transfer.secrets import Secrets

PROBE: Final = ".finetune-probe"
PART_BYTES: Final = 32 << 20
PARTS_AT_ONCE: Final = 4
MD5: Final = re.compile(r"[0-9a-f]{32}")


class BucketDestination:
    """A folder of a bucket: `<uri>/` for the first run of a job, `<uri>-<n>/` for run n."""

    def __init__(self, run: Run, place: Place, secrets: Secrets) -> None:
        of_run = f"-{run.number}" if run.number else ""
        path = f"{place.path}{of_run}" if place.path else of_run.removeprefix("-")
        self._root = f"{place.root}/{path}".rstrip("/")
        self._scheme = place.scheme
        self._uid, self._run = run.job.uid, run.number
        self._files = open_file_system(place, secrets)

    @property
    def uri(self) -> str:
        """Where the model of this run will lie."""
        return f"{self._scheme}://{self._root}"

    def check(self, result: Result | None) -> None:
        """Write a probe and remove it; OutputOccupied when something lies there that is not this job's."""
        self._look(result)
        probe = f"{self._root}/{PROBE}-{hashlib.sha256(self._uid.encode()).hexdigest()[:8]}"
        self._files.pipe_file(probe, b"{}")
        self._remove(probe)

    def put(self, result: Result, folder: Path, before_last: Callable[[], None]) -> str:
        """Upload what is not there yet, then the record."""
        names, recorded = self._look(result)
        if recorded:
            return ""
        claim = f"{self._root}/{CLAIM}"
        if CLAIM not in names:
            self._claim(claim, result)
        for name in result.files:
            self._upload(f"{self._root}/{name}", folder / name, names.get(name))
        before_last()
        self._files.pipe_file(f"{self._root}/{RECORD}", result.to_json())
        self._remove(claim)
        return ""

    def _look(self, result: Result | None) -> tuple[Mapping[str, Mapping[str, Any]], bool]:
        """What lies there, by its name; and whether it is this very model, whole."""
        found: dict[str, Any] = self._files.find(self._root, detail=True)
        names = {name.removeprefix(f"{self._root}/"): info for name, info in found.items()}
        names = {name: info for name, info in names.items() if name and not name.startswith(PROBE)}
        owner: dict[str, object] = {}
        for each in (RECORD, CLAIM):
            if each in names and not owner:
                owner = parse_record(self._files.cat_file(f"{self._root}/{each}"))
        own = owner.get("jobUid") == self._uid and owner.get("run") == self._run
        if names and not own:
            raise occupied(self.uri, owner, list(names))
        recorded = result is not None and RECORD in names and result.is_recorded_by(owner)
        if RECORD in names and result is not None and not recorded:
            raise occupied(self.uri, owner, list(names))
        return names, recorded

    def _claim(self, claim: str, result: Result) -> None:
        try:
            # Of two that come at once, one finds it taken.
            self._files.pipe_file(claim, result.claim(), mode="create")
        except FileExistsError:
            owner = parse_record(self._files.cat_file(claim))
            if not result.is_recorded_by(owner):
                raise occupied(self.uri, owner, [CLAIM]) from None

    def _upload(self, target: str, path: Path, there: Mapping[str, Any] | None) -> None:
        if there is not None and _same(there, path):
            return
        options = {"max_concurrency": PARTS_AT_ONCE} if self._scheme == "s3" else {}
        self._files.put_file(str(path), target, chunksize=PART_BYTES, **options)
        if not _same(self._files.info(target), path):
            raise Broken("PublishedDamaged", f"{self._scheme}://{target} arrived in another shape than it was sent in")

    def _remove(self, path: str) -> None:
        # Some may write and not delete: what then stays says no more than whose upload it was.
        with contextlib.suppress(PermissionError, FileNotFoundError):
            self._files.rm_file(path)


def _same(there: Mapping[str, Any], path: Path) -> bool:
    """Whether an object is the file: by its size, and by its MD5 where the store tells it."""
    if there.get("size") != path.stat().st_size:
        return False
    tag = str(there.get("ETag", "")).strip('"')
    told = base64.b64decode(str(there["md5Hash"])).hex() if there.get("md5Hash") else tag if MD5.fullmatch(tag) else ""
    return not told or told == file_digest(path, "md5")

"""The folder that fetched things are kept in: which are whole, and which of them a job goes by.

`<root>/<digest>/` holds the files alone; `<digest>.json` beside it is written last and makes them count.
`<digest>.partial/` is what has come of those that are not whole yet.
"""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.workspace.durability import sync_tree
from trainer.workspace.jsonfile import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PINS: Final = "sources.json"
FOLDER: Final = "fetched"
SECONDS_BETWEEN_LOOKS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that is here and whole: its folder, the revision that it is of, and its only file if it is one."""

    folder: Path
    revision: str
    single: str = ""

    @property
    def path(self) -> Path:
        """What a run document would say where it is mounted."""
        return self.folder / self.single if self.single else self.folder


@dataclass(frozen=True, slots=True)
class Shelf:
    """`root` is where fetched things lie, for this job or for several; `pins` the job's own record of its choices."""

    root: Path
    pins: Path

    def folder(self, digest: str) -> Path:
        """Where the files of a digest lie or will lie."""
        return self.root / digest

    def partial(self, digest: str) -> Path:
        """Where the files of a digest lie until each is whole."""
        return self.root / f"{digest}.partial"

    def kept(self, digest: str) -> Kept | None:
        """What is whole of a digest: each file that its marker names is there, in its size."""
        document = read_json(self._marker(digest))
        files = document.get("files")
        if not isinstance(files, dict) or not files:
            return None
        folder = self.folder(digest)
        if any(size_of(folder / name) != size for name, size in files.items()):
            return None
        return Kept(folder, str(document.get("revision", "")), str(document.get("single", "")))

    def finish(self, digest: str, content: Mapping[str, object]) -> None:
        """Make the files of a digest count. Everything is on the disk first."""
        folder = self.folder(digest)
        sync_tree(folder)
        files = {str(path.relative_to(folder)): path.stat().st_size for path in _files(folder)}
        write_json(self._marker(digest), {**content, "files": files})
        shutil.rmtree(self.partial(digest), ignore_errors=True)

    def pinned(self, key: str) -> tuple[str, str]:
        """The digest and the revision that the job has chosen for a want; empty when it has not yet."""
        pin = read_json(self.pins).get(key)
        return (str(pin.get("digest", "")), str(pin.get("revision", ""))) if isinstance(pin, dict) else ("", "")

    def pin(self, key: str, digest: str, revision: str, place: str) -> None:
        """Record the choice; what was chosen before and is not whole any more is removed."""
        pins = read_json(self.pins)
        before, _ = self.pinned(key)
        write_json(self.pins, {**pins, key: {"digest": digest, "revision": revision, "place": place}})
        if before and before != digest and self.root.is_relative_to(self.pins.parent):
            self._marker(before).unlink(missing_ok=True)
            for folder in (self.folder(before), self.partial(before)):
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def locked(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Alone with a want, among all processes that see this shelf; `waiting` is called while another has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{key}.lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    waiting()
                    continue
                except OSError:
                    # A volume without locks: the operator lets one attempt write at a time.
                    pass
                break
            yield

    def _marker(self, digest: str) -> Path:
        return self.root / f"{digest}.json"


def size_of(path: Path) -> int | None:
    """The size of a file in bytes; None when there is none."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def shelf_root(cache: Path, workspace: Path, mounts: str) -> Path:
    """Where to keep what is fetched: the cache if it outlives the pod, else the workspace, which always does.

    `mounts` is the text of /proc/self/mountinfo.
    """
    lasts = cache.is_relative_to(workspace) or outlives_pod(cache, mounts)
    return (cache if lasts else workspace) / FOLDER


def outlives_pod(folder: Path, mounts: str) -> bool:
    """Whether a folder lies on a volume of its own that is not the pod's: told from /proc/self/mountinfo."""
    best = ("", "", "")
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        words, kind = left.split(), right.split()[:1]
        if len(words) > 4 and kind and _within(folder, words[4]) and len(words[4]) >= len(best[0]):  # noqa: PLR2004 - root and mount point
            best = (words[4], words[3], kind[0])
    point, root, kind_of = best
    return point not in {"", "/"} and kind_of not in {"tmpfs", "overlay"} and "kubernetes.io~empty-dir" not in root


def _within(folder: Path, point: str) -> bool:
    return folder.is_relative_to(point)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())

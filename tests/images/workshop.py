"""The folder where images are built and kept, held by one builder at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.images.failure import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.images.progress import Say

_TAIL_LINES = 25
# Whatever happens to us, what we start ends with us, and its mounts with it: they have namespaces of their own.
_ALONE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


def folder() -> Path:
    """Give the folder where images are kept, by the XDG convention; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "finetune-operator" / "images"


@dataclass(frozen=True)
class Workshop:
    """The folder of images, held: `lock` is the open file whose lock says so."""

    folder: Path
    lock: int

    @property
    def scratch(self) -> Path:
        """A folder for intermediate copies, emptied whenever the workshop is taken."""
        return self.folder / "scratch"

    def log(self, name: str) -> Path:
        """Give the path of the log called `name`, in a folder that exists."""
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        return logs / name

    def run(self, command: Sequence[str], log: Path) -> None:
        """Run `command` to its end with its output in the file `log`.

        The lock is handed down, so that the next builder waits until the last process of a killed one is gone.
        Raises ImageError with the end of the output when it fails.
        """
        with log.open("w", encoding="utf-8") as output:
            done = subprocess.run(
                [*_ALONE, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                pass_fds=(self.lock,),
                check=False,
            )
        if done.returncode:
            raise ImageError(_failed(command, done.returncode, log))

    def answer(self, command: Sequence[str]) -> bytes:
        """Run the quick `command` and give what it printed. Raises ImageError when it fails."""
        with self.stream(command) as output:
            return output.read()

    @contextmanager
    def stream(self, command: Sequence[str]) -> Iterator[IO[bytes]]:
        """Run `command` and give its output as it comes. Raises ImageError when it fails."""
        with subprocess.Popen(
            [*_ALONE, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment(),
            pass_fds=(self.lock,),
        ) as process:
            if process.stdout is None or process.stderr is None:
                raise AssertionError
            yield process.stdout
            errors = process.stderr.read().decode(errors="replace").strip()
        if process.returncode:
            raise ImageError(f"{' '.join(command)} ended with {process.returncode}: {errors}")

    def _environment(self) -> dict[str, str]:
        return os.environ | {"TMPDIR": str(self.scratch)}


@contextmanager
def held(say: Say) -> Iterator[Workshop]:
    """Take the workshop, waiting for whoever holds it, and clear away what a killed builder left."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process builds images in {place}; waiting for it to end.")
            fcntl.flock(file, fcntl.LOCK_EX)
        workshop = Workshop(place, file.fileno())
        _empty(workshop.scratch)
        try:
            yield workshop
        finally:
            _empty(workshop.scratch)


def _empty(scratch: Path) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)


def _failed(command: Sequence[str], status: int, log: Path) -> str:
    tail = "\n".join(f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    return f"{command[0]} ended with {status}. The end of {log}:\n{tail}"

"""What a fetch shows of itself: signs of life for PID 1, and a line in the log now and then."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, Self

from trainer.training.heartbeat import Heartbeat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.signs import Signs

SECONDS_BETWEEN_LOOKS: Final = 1.0
SECONDS_BETWEEN_LINES: Final = 15.0
MEBIBYTE: Final = 1 << 20


class Activity:
    """Looks at the folders that are written to: they grow as long as the transfer gets on, whoever does it.

    So what hangs gives no sign, and is found out.
    """

    def __init__(self, signs: Signs, place: str, folders: Sequence[Path], total: int) -> None:
        self._signs = signs
        self._place = place
        self._folders = folders
        self._total = total
        self._lock = threading.Lock()
        self._seen = 0
        self._said_at = time.monotonic()
        self._beats = Heartbeat("fetching", SECONDS_BETWEEN_LOOKS, self._look)

    def __enter__(self) -> Self:
        self._before = self._seen = self._bytes()
        self._say("fetching")
        self._beats.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._beats.__exit__()

    def seen(self) -> int:
        """Bytes that lie in the folders."""
        return self._bytes()

    def sign(self) -> None:
        """Say that something else than growing goes on, such as checking a digest."""
        with self._lock:
            self._signs.give("loading", 0)

    def _look(self) -> None:
        now = self._bytes()
        if now != self._seen:
            self._seen = now
            self.sign()
        if time.monotonic() >= self._said_at + SECONDS_BETWEEN_LINES:
            self._say("fetched")

    def _say(self, word: str) -> None:
        self._said_at = time.monotonic()
        of = f"{self._total / MEBIBYTE:.1f} MiB"
        came = f"{(self._seen - self._before) / MEBIBYTE:.1f} of " if word == "fetched" else ""
        print(f"{word} {came}{of} from {self._place}", flush=True)

    def _bytes(self) -> int:
        return sum(_size(path) for folder in self._folders for path in folder.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0  # put in place, or tidied away, meanwhile

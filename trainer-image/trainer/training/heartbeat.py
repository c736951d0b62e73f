"""Something done again and again beside the training, on a thread that can never disturb it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Heartbeat:
    """Calls `action` at once, then every `seconds`, and a last time when it is left. Errors are printed once each.

    An action may answer with the seconds between two beats from then on.
    """

    def __init__(self, name: str, seconds: float, action: Callable[[], float | None]) -> None:
        self._name = name
        self._seconds = seconds
        self._action = action
        self._ended = threading.Event()
        self._complaints: set[str] = set()
        self._thread = threading.Thread(target=self._beat, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # A beat that hangs in the network must not hold the end of a training up: the thread is a daemon.
        self._thread.join(timeout=2 * self._seconds)

    def _beat(self) -> None:
        wait = self._seconds
        while True:
            last = self._ended.is_set()
            wait = self._act() or wait
            if last:
                return
            self._ended.wait(wait)

    def _act(self) -> float | None:
        try:
            return self._action()
        except Exception as error:  # noqa: BLE001 - whatever it is, the training goes on
            complaint = f"{self._name}: {type(error).__name__}: {error}"
            if complaint not in self._complaints:
                self._complaints.add(complaint)
                print(complaint, flush=True)
            return None

"""The processes that PID 1 has started: their output passed on, their ends collected, signals sent to all."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections import deque
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.launch import Launch

REMEMBERED_LINES: Final = 400
"""Enough for the stacks of a training's threads."""
SECONDS_FOR_LAST_OUTPUT: Final = 2.0


class Workers:
    """Started processes. `codes` has the exit code of each that has ended (negative: the signal), in order of ending."""

    def __init__(self, launches: Iterable[Launch]) -> None:
        self.codes: list[int] = []
        self._tail: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._processes = {process.pid: process for process in map(_start, launches)}
        self._readers = [
            threading.Thread(target=self._pass_on, args=(process.stdout,), daemon=True)
            for process in self._processes.values()
        ]
        for reader in self._readers:
            reader.start()

    @property
    def running(self) -> tuple[int, ...]:
        """The ids of those that have not ended."""
        return tuple(self._processes)

    def signal(self, number: int) -> None:
        """Send a signal to all that have not ended."""
        # Popen would first look whether the process has ended, and so take its code away from `reap`. No other process
        # can have the id: it is free only once `reap` has collected its end.
        for pid in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def reap(self) -> None:
        """Collect every child that has ended: ours, and orphans that PID 1 inherits."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                process = self._processes.pop(pid, None)
                if process is not None:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    self.codes.append(process.returncode)

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of their output; waits a moment for what is still on its way."""
        for reader in self._readers:
            reader.join(SECONDS_FOR_LAST_OUTPUT)
        return tuple(self._tail)

    def _pass_on(self, output: IO[str] | None) -> None:
        for line in output or ():
            print(line, end="", flush=True)
            if line.strip():
                self._tail.append(line.rstrip())


def _start(launch: Launch) -> subprocess.Popen[str]:
    return subprocess.Popen(
        launch.arguments,
        env=launch.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )

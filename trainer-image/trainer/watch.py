"""PID 1's watch over the processes of a stage, from their start to their end."""

from __future__ import annotations

import select
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.memory_kills import memory_kills
from trainer.outcome import Circumstances, is_overdue
from trainer.signs import STACKS_SIGNAL, read_signs
from trainer.stalls import StallWatch
from trainer.training.heartbeat import Heartbeat
from trainer.workers import Workers
from trainer.workspace.layout import Workspace
from trainer.workspace.ledger import read_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.contract.run import Run
    from trainer.failures import StageEnd
    from trainer.launch import Launch

SECONDS_BETWEEN_LOOKS: Final = 1.0
SECONDS_FOR_THE_VERDICT: Final = 5.0
"""Of the grace period, kept for writing the verdict when a process has to be killed."""
SECONDS_FOR_STACKS: Final = 3.0
"""That processes get to write their stacks before they are killed."""
SECONDS_FOR_DEATH: Final = 3.0
"""After which a killed process is not waited for any more: one that hangs in the kernel dies when the volume answers."""


class Watch:
    """The time between start and end of the processes, which give their signs of life in `folder`."""

    def __init__(self, run: Run, to_start: Iterable[Launch], folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._ledger = read_ledger(Workspace(run.workspace).ledger, run.number)
        self._used_before = self._ledger.training_seconds
        self._kills_before = memory_kills()
        self._asked = False
        self._overdue = False
        self._stalled: StageEnd | None = None
        self._kill_at: float | None = None
        self._stalls = StallWatch(run.limits.stall_seconds if run.stage == "train" else None, time.monotonic())
        self._signals = _SignalBox()
        self.workers = Workers(to_start)

    def until_the_end(self) -> Circumstances:
        """Wait until all processes have ended, or cannot be made to."""
        # On a thread: a volume that hangs must not keep PID 1 from finding out that the training does.
        with Heartbeat("ledger", SECONDS_BETWEEN_LOOKS, self._read_ledger):
            while True:
                self.workers.reap()
                if not self.workers.running or self._gives_up():
                    break
                self._intervene()
                received = self._signals.wait(SECONDS_BETWEEN_LOOKS)
                if {signal.SIGTERM, signal.SIGINT} & received:
                    self._asked = True
                    self._end()
        kills = memory_kills() - self._kills_before
        return Circumstances(self.workers.codes, self._asked, self._overdue, memory_kills=kills, stalled=self._stalled)

    def _read_ledger(self) -> None:
        self._ledger = read_ledger(Workspace(self._run.workspace).ledger, self._run.number)

    def _intervene(self) -> None:
        if any(self.workers.codes):
            self._end()  # the others would wait for the one that failed
        if is_overdue(self._ledger, self._run.limits.training_seconds, self._used_before):
            self._overdue = True
            self._end()
        stall = self._stalls.look(read_signs(self._folder), time.monotonic())
        if stall is not None and self._kill_at is None:
            self._stalled = stall
            self._dump_stacks()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self.workers.signal(signal.SIGKILL)

    def _dump_stacks(self) -> None:
        """Show what hangs, then kill it: nothing can be saved by who does not end a step."""
        print(self._stalled, *map(_state, self.workers.running), sep="\n", flush=True)
        self.workers.signal(STACKS_SIGNAL)
        self._kill_at = time.monotonic() + SECONDS_FOR_STACKS

    def _end(self) -> None:
        """Ask all processes to end, once; they are killed before the kubelet would kill PID 1."""
        if self._kill_at is None:
            patience = max(1.0, self._run.limits.grace_seconds - SECONDS_FOR_THE_VERDICT)
            self._kill_at = time.monotonic() + patience
            self.workers.signal(signal.SIGTERM)

    def _gives_up(self) -> bool:
        return self._kill_at is not None and time.monotonic() >= self._kill_at + SECONDS_FOR_DEATH


class _SignalBox:
    """Signals as something that can be waited for, without the race between looking and sleeping."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.settimeout(0)
        signal.set_wakeup_fd(self._write.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)  # Python writes the number to the socket

    def wait(self, seconds: float) -> set[int]:
        """The signals that have come, after at most `seconds`."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        return set(self._read.recv(4096)) if ready else set()


def _state(pid: int) -> str:
    """What the kernel says of a process: running, sleeping, stopped, or in a system call that cannot be broken off."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"process {pid} is gone"
    state = next((line.partition(":")[2].strip() for line in lines if line.startswith("State:")), "unknown")
    return f"process {pid} is in state {state}"

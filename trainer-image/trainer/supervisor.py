"""PID 1 of each pod: starts the processes that train, passes signals on, and sees to it that there is a verdict.

Whatever happens below, the pod ends with a termination message that is valid JSON and with the exit code that goes
with it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.contract.run import Run, read_run
from trainer.contract.shortening import shorten
from trainer.contract.termination import termination_message
from trainer.contract.verdict import exit_code, verdict_of
from trainer.environment import Places, worker_environment
from trainer.failures import StageEnd
from trainer.handover import take_over
from trainer.launch import launches
from trainer.memory_kills import memory_kills
from trainer.node import node_of
from trainer.outcome import Circumstances, end_without_verdict, is_overdue, only_follows, overdue_end, process_exit_code
from trainer.workers import Workers
from trainer.workspace.jsonfile import write_json
from trainer.workspace.layout import Workspace
from trainer.workspace.ledger import read_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainer.contract.run import Stage
    from trainer.launch import Launch

SECONDS_BETWEEN_LOOKS: Final = 1.0
SECONDS_FOR_THE_VERDICT: Final = 5.0
"""Of the grace period, kept for writing the verdict when a process has to be killed."""
WITH_LOG_LINES: Final = ("failed", "outOfMemory")
"""Results whose verdict shows the last lines of the log."""


def supervise(environment: Mapping[str, str]) -> int:
    """Run one stage of one attempt. Returns the pod's exit code."""
    os.umask(0o002)  # another attempt may run under another user id of the same group
    places = Places.from_environment(environment)
    try:
        run = read_run(places.run_json)
    except StageEnd as end:
        return _refuse(places, end, "prepare", 1)
    try:
        node = node_of(run, environment)
    except StageEnd as end:
        return _refuse(places, end, run.stage, run.attempt)
    with tempfile.TemporaryDirectory(prefix="finetune-") as folder:
        verdict_file = Path(folder) / "verdict.json"
        workers = launches(run, node, worker_environment(environment, run.hardware.cpus, verdict_file))
        watch = _Watch(run, workers)
        seen = watch.until_the_end()
        document = _verdict(run, seen, take_over(verdict_file))
    if document["result"] in WITH_LOG_LINES:
        document["lines"] = [shorten(line, 256) for line in watch.workers.last_lines()]
    _publish(places, document, Workspace(run.workspace) if node.writes else None)
    return process_exit_code(exit_code(document), seen)


class _Watch:
    """The time between start and end of the processes."""

    def __init__(self, run: Run, to_start: Iterable[Launch]) -> None:
        self._run = run
        self._ledger = Workspace(run.workspace).ledger
        self._used_before = read_ledger(self._ledger).training_seconds
        self._kills_before = memory_kills()
        self._asked = False
        self._overdue = False
        self._kill_at: float | None = None
        self._signals = _SignalBox()
        self.workers = Workers(to_start)

    def until_the_end(self) -> Circumstances:
        """Wait until all processes have ended."""
        while True:
            self.workers.reap()
            if not self.workers.running:
                break
            self._intervene()
            received = self._signals.wait(SECONDS_BETWEEN_LOOKS)
            if {signal.SIGTERM, signal.SIGINT} & received:
                self._asked = True
                self._end()
        kills = memory_kills() - self._kills_before
        return Circumstances(self.workers.codes, self._asked, self._overdue, memory_kills=kills)

    def _intervene(self) -> None:
        if any(self.workers.codes):
            self._end()  # the others would wait for the one that failed
        ledger = read_ledger(self._ledger)
        if is_overdue(ledger, self._run.limits.training_seconds, self._used_before):
            self._overdue = True
            self._end()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self.workers.signal(signal.SIGKILL)

    def _end(self) -> None:
        """Ask all processes to end, once; they are killed before the kubelet would kill PID 1."""
        if self._kill_at is None:
            patience = max(1.0, self._run.limits.grace_seconds - SECONDS_FOR_THE_VERDICT)
            self._kill_at = time.monotonic() + patience
            self.workers.signal(signal.SIGTERM)


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


def _verdict(run: Run, seen: Circumstances, handed_over: dict[str, object] | None) -> dict[str, object]:
    if seen.overdue and (handed_over is None or exit_code(handed_over) != 0):
        end = overdue_end(read_ledger(Workspace(run.workspace).ledger), run.limits.training_seconds)
        return verdict_of(end, run.stage, run.attempt).to_json()
    if handed_over and only_follows(handed_over, seen):
        handed_over = None
    return handed_over or verdict_of(end_without_verdict(seen), run.stage, run.attempt).to_json()


def _refuse(places: Places, end: StageEnd, stage: Stage, attempt: int) -> int:
    """The end of a pod that starts nothing, and may not know its workspace for sure."""
    document = verdict_of(end, stage, attempt).to_json()
    _publish(places, document, workspace=None)
    return exit_code(document)


def _publish(places: Places, document: Mapping[str, object], workspace: Workspace | None) -> None:
    """Leave the verdict where the kubelet and the next attempt look; standard output shows it in any case."""
    message = termination_message(document)
    print(message.decode(), flush=True)
    try:
        places.termination_log.write_bytes(message)
    except OSError as error:
        print(f"the termination message cannot be written: {error}", file=sys.stderr, flush=True)
    if workspace is None:
        return
    try:
        write_json(workspace.verdict(str(document["stage"]), int(str(document["attempt"]))), document)
    except OSError as error:
        print(f"the verdict cannot be kept in the workspace: {error}", file=sys.stderr, flush=True)

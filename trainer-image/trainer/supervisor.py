"""PID 1 of each pod: starts the processes that train, passes signals on, and sees to it that there is a verdict.

Whatever happens below, the pod ends with a termination message that is valid JSON and with the exit code that goes
with it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.contract.run import Run, read_run
from trainer.contract.shortening import shorten
from trainer.contract.termination import termination_message
from trainer.contract.verdict import LONGEST_LINE, MOST_LINES, exit_code, verdict_of
from trainer.environment import Places, verdict_file, worker_environment
from trainer.failures import StageEnd
from trainer.handover import take_over
from trainer.launch import launches
from trainer.node import node_of
from trainer.outcome import Circumstances, end_without_verdict, only_follows, overdue_end, process_exit_code
from trainer.stalls import STALLED, innermost_frames
from trainer.watch import Watch
from trainer.workspace.jsonfile import write_json
from trainer.workspace.layout import Workspace
from trainer.workspace.ledger import read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.contract.run import Stage
    from trainer.workers import Workers

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
        workers = launches(run, node, worker_environment(environment, run.hardware.cpus, Path(folder)))
        watch = Watch(run, workers, Path(folder))
        seen = watch.until_the_end()
        document = _verdict(run, seen, take_over(verdict_file(Path(folder))))
    lines = _telling_lines(document, watch.workers)
    if lines:
        document["lines"] = [shorten(line, LONGEST_LINE) for line in lines]
    _publish(places, document, Workspace(run.workspace, run.number) if node.writes else None)
    return process_exit_code(exit_code(document), seen)


def _verdict(run: Run, seen: Circumstances, handed_over: dict[str, object] | None) -> dict[str, object]:
    if seen.overdue and (handed_over is None or exit_code(handed_over) != 0):
        end = overdue_end(read_ledger(Workspace(run.workspace).ledger, run.number), run.limits.training_seconds)
        return verdict_of(end, run.stage, run.attempt).to_json()
    if seen.stalled is not None and (handed_over is None or exit_code(handed_over) != 0):
        return verdict_of(seen.stalled, run.stage, run.attempt).to_json()
    if handed_over and only_follows(handed_over, seen):
        handed_over = None
    return handed_over or verdict_of(end_without_verdict(seen), run.stage, run.attempt).to_json()


def _telling_lines(document: Mapping[str, object], workers: Workers) -> Sequence[str]:
    if document.get("code") == STALLED:
        return innermost_frames(workers.last_lines(), MOST_LINES)
    return workers.last_lines()[-MOST_LINES:] if document["result"] in WITH_LOG_LINES else ()


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

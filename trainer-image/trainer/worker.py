"""The process that does the work: `python -m trainer.worker`, one per GPU, started by PID 1.

It runs one stage, hands its verdict over and exits with the verdict's code.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.backends import families
from trainer.contract.run import read_run
from trainer.contract.verdict import EXIT_CODES, exit_code, verdict_of
from trainer.environment import VERDICT_FILE, Places
from trainer.failures import Broken, Interrupted, StageEnd
from trainer.handover import hand_over
from trainer.signs import FOLDER, STACKS_SIGNAL, own_signs
from trainer.training.interruption import Interruption
from trainer.training.session import in_charge, open_course
from trainer.transfer import localised, published
from trainer.workspace.finished import finished_verdict, place_of_training
from trainer.workspace.layout import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.workspace.layout import Place


def main() -> int:
    """Run the stage that run.json names. Returns the exit code."""
    # In C, so that the stacks show whatever Python hangs in.
    faulthandler.register(STACKS_SIGNAL, all_threads=True)
    run = read_run(Places.from_environment(os.environ).run_json)
    verdict_file = Path(os.environ[VERDICT_FILE])
    interruption = Interruption(lambda: _end_at_once(run, verdict_file))
    interruption.listen()
    verdict = _verdict(run, Workspace(run.workspace, run.number), interruption)
    if verdict is None:
        return 0
    hand_over(verdict_file, verdict)
    return exit_code(verdict)


def _verdict(run: Run, workspace: Workspace, interruption: Interruption) -> Mapping[str, object] | None:
    """How the stage ended, in JSON; None for the processes of a training that have nothing to say."""
    # A model in place means that only the verdict was lost: it is told again.
    told = finished_verdict(_place(run, workspace), run.job) if run.stage in {"train", "publish"} else None
    if told and run.stage == "train":
        return {**told, "attempt": run.attempt}
    if run.stage == "train":
        return _train(run, workspace, interruption)
    try:
        if run.stage == "prepare":
            families.check_abilities(run)
        finished = told or _on_cpu(localised(run, workspace), workspace).to_json()
        return {**published(run, workspace, finished), "attempt": run.attempt} if run.stage == "publish" else finished
    except Exception as error:  # noqa: BLE001 - every end gets a verdict
        return verdict_of(_end_of(error), run.stage, run.attempt).to_json()


def _place(run: Run, workspace: Workspace) -> Place:
    return workspace.model_place if run.stage == "publish" else place_of_training(workspace, run)


def _on_cpu(run: Run, workspace: Workspace) -> Verdict:
    if run.stage == "publish":
        return families.publish(run, workspace)
    if run.stage == "inspect":
        return families.inspect_dataset(run)
    return families.prepare(run, workspace)


def _train(run: Run, workspace: Workspace, interruption: Interruption) -> Mapping[str, object] | None:
    folder = os.environ.get(FOLDER)
    course = open_course(run, workspace, interruption, own_signs(Path(folder) if folder else None, os.environ))
    first = os.environ.get("RANK", "0") == "0"
    try:
        with in_charge(run, workspace, course, os.environ) if first else contextlib.nullcontext():
            families.check_abilities(run)
            verdict = families.train(localised(run, workspace), workspace, course)
            # One process of each node speaks for it.
            return verdict.to_json() if os.environ.get("LOCAL_RANK", "0") == "0" else None
    except Exception as error:  # noqa: BLE001 - every end gets a verdict
        position = course.position if course.began else None
        return verdict_of(_end_of(error), run.stage, run.attempt, position).to_json()


def _end_of(error: Exception) -> StageEnd:
    if isinstance(error, StageEnd):
        return error
    traceback.print_exc()
    return Broken(type(error).__name__, f"{type(error).__name__}: {error}")


def _end_at_once(run: Run, verdict_file: Path) -> None:
    """The answer to SIGTERM while there is nothing to save."""
    before = "the first step" if run.stage == "train" else "it was done"
    end = Interrupted("Terminated", f"asked to end by SIGTERM before {before}; nothing was lost")
    hand_over(verdict_file, verdict_of(end, run.stage, run.attempt).to_json())
    os._exit(EXIT_CODES[end.result])


if __name__ == "__main__":
    sys.exit(main())

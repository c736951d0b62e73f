"""Stage train: GR00T's own trainer, led from the newest sound checkpoint to a finished model."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.groot import embodiment
from trainer.backends.groot.abilities import check_abilities
from trainer.backends.groot.arguments import Task, n1_5_command, n1_6_command, steps_of, told
from trainer.backends.groot.child import Watching, run_child
from trainer.backends.groot.ending import finish_newest, finished
from trainer.backends.groot.modality import FILE
from trainer.backends.groot.prepare import prepare, ready_dataset
from trainer.backends.groot.said import said
from trainer.backends.groot.writings import LEROBOT, Whole, adopt, lend
from trainer.backends.preparation import prepare_first
from trainer.failures import Broken, Interrupted
from trainer.workspace.checkpoints import Checkpoint, Retention, discard_newer, mark_complete, rotate, sound_checkpoints
from trainer.workspace.entries import entries
from trainer.workspace.fence import check_fence
from trainer.workspace.marker import Mark, read_mark
from trainer.workspace.metrics import append_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace

PYTHON: Final = "GROOT_PYTHON"
"""Environment variable of the image: the Python that has GR00T's trainer, which need not be the one that runs this."""
COUNT_GPUS: Final = "import torch; print(torch.cuda.device_count())"
METHOD: Final[Mapping[str, object]] = {"lora": False, "optimizer": "adamw_torch"}


def train(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Train and finish the model; with `finish` only the latter. UserError, Broken, OutOfMemory or Interrupted end it early."""
    check_abilities(run)
    if run.finish:
        return finish_newest(run, workspace, course)
    python = os.environ.get(PYTHON, "python")
    check_gpus(run, python)
    prepare_first(run, workspace, prepare)
    course.sign()
    # From here on SIGTERM ends the child first.
    course.interruption.defer()
    led = _Led(run, workspace, course, _output(run, workspace))
    led.lead(python)
    if course.stopped_by == "terminated":
        course.clock.stop()
        saved = course.progress.checkpoint_step
        raise Interrupted("Terminated", f"asked to end by SIGTERM; checkpoint {saved} is complete")
    return finished(run, workspace, course)


def check_gpus(run: Run, python: str) -> None:
    """Broken (NoGpuFound) when GR00T's Python sees fewer GPUs than the pod was to have, or the pod was to have none."""
    counted = subprocess.run([python, "-c", COUNT_GPUS], capture_output=True, text=True, check=False)
    found = int(counted.stdout) if counted.returncode == 0 and counted.stdout.strip().isdigit() else 0
    if found < max(1, run.hardware.gpus):
        raise Broken(
            "NoGpuFound",
            f"GR00T needs {max(1, run.hardware.gpus)} GPUs and sees {found}; training on CPU instead is refused",
            advice="Choose an instance type with GPUs; on one that has them, look at the node's driver and device plugin.",
        )


def _output(run: Run, workspace: Workspace) -> Path:
    """The trainer's own folder, on the volume of the checkpoints so that these can be moved; LeRobot wants it absent."""
    output = workspace.root / f".groot-{run.attempt}"
    shutil.rmtree(output, ignore_errors=True)
    return output


@dataclass(slots=True)
class _Led:
    """One training that is led: what is heard of it is told on, what it writes becomes checkpoints of ours."""

    run: Run
    workspace: Workspace
    course: Course
    output: Path
    begun_at: int = 0
    steps: int = 0

    def lead(self, python: str) -> None:
        """Start the trainer and follow it to its end."""
        newest = next(sound_checkpoints(self.workspace.checkpoints, self.run.resume_from), None)
        self.course.goes_on_from(read_mark(newest.path) if newest else None)
        if newest is not None:
            discard_newer(self.workspace.checkpoints, newest.step)
            self.begun_at = newest.step
        task, environment = self._task(newest)
        self.steps = task.steps
        self.course.planned(task.steps, 0.0)
        if newest is not None and (newest.step >= task.steps or self.course.reading.used_up):
            self.course.begin(newest.step)
            self.course.stopped_by = "go on" if newest.step >= task.steps else "deadline"
            return
        command = (n1_5_command if self.run.model.type == LEROBOT else n1_6_command)(python, task)
        print(told(command), flush=True)
        whole = Whole(self.output, self.run.model.type)
        run_child(command, environment, self.course, Watching(self._heard, lambda: self._looked(whole)))
        self._looked(whole, ended=self.course.stopped_by == "go on")
        shutil.rmtree(self.output, ignore_errors=True)

    def _task(self, newest: Checkpoint | None) -> tuple[Task, dict[str, str]]:
        from trainer.recordings.gathering import gather  # noqa: PLC0415 - pyarrow and PyAV
        from trainer.recordings.preflight import check_recordings  # noqa: PLC0415 - the same

        gathered = gather(self.run, self.workspace)
        dataset = ready_dataset(self.run, self.workspace, gathered)
        steps = steps_of(self.run, check_recordings(self.run).report.frames)
        resume = lend(newest, self.output, self.run.model.type) if newest else None
        model = self.run.model.path or Path(self.run.model.name)
        modality = Path(embodiment.__file__)
        environment = {**os.environ, embodiment.VARIABLE: str(dataset / FILE)}
        # Our own packages are for another Python.
        environment.pop("PYTHONPATH", None)
        return (
            Task(self.run, model, dataset, self.output, steps, resume, modality, gathered.train_episodes),
            environment,
        )

    def _heard(self, line: str) -> None:
        heard = said(line)
        if heard.total and heard.step is not None and heard.total in {self.steps, self.steps - self.begun_at}:
            # LeRobot's bar counts from the step that it goes on from; transformers' from zero.
            step = heard.step + (self.begun_at if heard.total < self.steps else 0)
            if not self.course.began:
                self.course.begin(self.begun_at)
            if step > self.course.progress.step:
                self.course.advance(step, 0.0, 0)
        if heard.metrics and self.course.began:
            first = {} if "firstLoss" in self.course.progress.metrics else {"firstLoss": heard.metrics.get("loss", 0.0)}
            self.course.measured({**first, **heard.metrics})
            append_metrics(self.workspace.metrics, self._place(), heard.metrics)

    def _looked(self, whole: Whole, *, ended: bool = False) -> int:
        fence = self.workspace.fence
        for each in whole.checkpoints(time.monotonic(), ended=ended):
            check_fence(fence, self.run.attempt)
            checkpoint = adopt(each, self.workspace.attempt_checkpoints(self.run.attempt), self.run.attempt)
            self.course.keep_ledger(self.workspace.ledger)
            mark_complete(checkpoint, self._mark(), fence)
            rules = self.run.checkpoints
            rotate(self.workspace.checkpoints, Retention(rules.keep_last, since=self.run.resume_from), self.run.attempt)
            self.course.checkpointed(each.step, entries(self.workspace, self.run.resume_from))
            print(f"checkpoint {each.step} is complete", flush=True)
        return self.course.progress.checkpoint_step

    def _mark(self) -> Mark:
        now = self.course.progress
        loss = {"loss": now.metrics["loss"]} if "loss" in now.metrics else {}
        return Mark(_now(), self.run.number, now.training_seconds, now.wasted_seconds, loss, METHOD)

    def _place(self) -> dict[str, object]:
        now = self.course.progress
        seconds = round(now.training_seconds, 3)
        return {"time": _now(), "attempt": self.run.attempt, "step": now.step, "trainingSeconds": seconds}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""The course of a training: what is known about it at any moment, and why it should end.

Shared by the training thread, which advances it, and the heartbeats, which read it and bring the operator's wishes.
Every change replaces one reference, so no reader ever sees half of one.
"""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Literal

from trainer.contract.verdict import Position
from trainer.workspace.ledger import Ledger, write_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.progress import Activity, CheckpointEntry, Progress, Reply
    from trainer.signs import Signs
    from trainer.training.clock import Reading, TrainingClock
    from trainer.training.interruption import Interruption
    from trainer.workspace.marker import Mark

StopReason = Literal["go on", "no better", "deadline", "stopped", "terminated"]


class Course:
    """Where the training of one attempt is."""

    def __init__(
        self,
        progress: Progress,
        clock: TrainingClock,
        interruption: Interruption,
        *,
        run: int = 0,
        signs: Signs | None = None,
    ) -> None:
        self.run = run
        self._signs = signs
        self.clock = clock
        self.reading = clock.reading
        self.interruption = interruption
        self.stopped_by: StopReason = "go on"
        self.began = False
        self._progress = progress
        self._stop_wished = False
        self._first: tuple[int, float] = (0, 0.0)
        self._ledger_lock = threading.Lock()

    @property
    def progress(self) -> Progress:
        """The present state, with the seconds of this moment."""
        return dataclasses.replace(self._progress, training_seconds=self.clock.seconds)

    @property
    def position(self) -> Position:
        """The present state as a verdict tells it."""
        now = self.progress
        return Position(
            step=now.step,
            total_steps=now.total_steps,
            epoch=now.epoch,
            training_seconds=now.training_seconds,
            trained_tokens=now.trained_tokens,
            metrics=now.metrics,
            wasted_seconds=now.wasted_seconds,
        )

    def planned(self, total_steps: int, total_epochs: float) -> None:
        """It is known how long the whole training will be."""
        self._progress = dataclasses.replace(self._progress, total_steps=total_steps, total_epochs=total_epochs)

    def goes_on_from(self, mark: Mark | None) -> None:
        """It is known which checkpoint is gone on from: what the run used beyond its useful work is wasted."""
        useful = mark.useful_seconds(self.run) if mark else 0.0
        wasted = max(0.0, self.clock.seconds - useful)
        self._progress = dataclasses.replace(self._progress, wasted_seconds=wasted)

    def begin(self, step: int) -> None:
        """The first step of this attempt starts now, after `step` steps of earlier ones.

        From here on SIGTERM waits for the end of a step, because there is something to save.
        """
        self.began = True
        self.interruption.defer()
        self.clock.start()
        self._first = (step, self.clock.seconds)
        self._progress = dataclasses.replace(self._progress, step=step, checkpoint_step=step)
        self.sign()

    def sign(self) -> None:
        """Tell PID 1 that the training gets on."""
        if self._signs is not None:
            self._signs.give(self._progress.activity, self._progress.step)

    def turn_to(self, activity: Activity) -> None:
        """The training does something else now."""
        self._progress = dataclasses.replace(self._progress, activity=activity)
        self.sign()

    def advance(self, step: int, epoch: float, trained_tokens: int) -> None:
        """A step has ended."""
        first_step, first_seconds = self._first
        pace = (self.clock.seconds - first_seconds) / max(1, step - first_step)
        self._progress = dataclasses.replace(
            self._progress,
            activity="step",
            step=step,
            epoch=epoch,
            trained_tokens=trained_tokens,
            seconds_per_step=pace,
        )
        self.sign()

    def measured(self, metrics: Mapping[str, float]) -> None:
        """New values of some metrics; the others keep theirs."""
        self._progress = dataclasses.replace(self._progress, metrics={**self._progress.metrics, **metrics})

    def checkpointed(self, step: int, entries: tuple[CheckpointEntry, ...] = ()) -> None:
        """A checkpoint of `step` is complete; `entries` are all that are there, as far as this process knows."""
        self._progress = dataclasses.replace(self._progress, checkpoint_step=step, checkpoints=entries)

    def obey(self, reply: Reply) -> None:
        """What the operator answered."""
        if reply.budget_seconds is not None and reply.budget_seconds != self.clock.budget:
            was, self.clock.budget = self.clock.budget, reply.budget_seconds
            print(f"the budget is {reply.budget_seconds:g} training seconds now, and was {was:g}", flush=True)
        self._stop_wished = self._stop_wished or reply.stop

    def wish(self) -> StopReason:
        """Why this process would end the training now. An end that loses nothing goes before one that does."""
        if self.interruption.asked:
            return "terminated"
        if self._stop_wished:
            return "stopped"
        return "deadline" if self.clock.reading.used_up else "go on"

    def settle(self, reading: Reading, *, own: bool) -> None:
        """Decide by this reading from now on, as all processes do; a clock that is not the one it is from follows it."""
        self.reading = reading
        if not own:
            self.clock.follow(reading)

    def keep_ledger(self, path: Path) -> None:
        """Write the seconds used to the workspace. Threads take turns, so that the last entry is the newest."""
        with self._ledger_lock:
            wasted = self._progress.wasted_seconds
            write_ledger(path, Ledger(self.run, self.clock.seconds, wasted, self.clock.budget))

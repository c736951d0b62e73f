"""Steering LeRobot's loop: the clock, stops, checkpoints, evaluations, metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.fitting import fitting, is_news
from trainer.backends.lerobot.schedule import Schedule, with_factor
from trainer.backends.lerobot.slow_data import WINDOW, slow_data_warning, waiting_for_data
from trainer.distributed.agreement import agree, is_first, mean_of_all
from trainer.failures import Broken
from trainer.training.completing import Keeping, complete
from trainer.training.evaluations import is_among_best, is_out_of_patience
from trainer.workspace.checkpoints import discard_newer
from trainer.workspace.entries import entries
from trainer.workspace.fence import check_fence
from trainer.workspace.metrics import append_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from trainer.backends.lerobot.foreign import Foreign
    from trainer.backends.lerobot.loop import Update
    from trainer.contract.run import Run
    from trainer.training.course import Course, StopReason

METRIC_NAMES: Final[Mapping[str, str]] = {
    "loss": "loss",
    "grad_norm": "gradNorm",
    "lr": "learningRate",
    "update_s": "updateSeconds",
    "dataloading_s": "dataSeconds",
    "gpu_mem_gb": "gpuMemoryGib",
    "l1_loss": "l1Loss",
    "kld_loss": "kldLoss",
}
"""Which of LeRobot's metrics are kept, and what the contract calls them."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One training of a job, which may have several: a reward model, then the policy.

    `begins` and `ends` are its part of the budget, from 0 to 1; `metric` is put before the names of its metrics, and
    `offset` steps were made by the phases before it. A phase that is not the `last` ends by itself when its part is
    used up, and the job goes on.
    """

    name: str = "policy"
    begins: float = 0.0
    ends: float = 1.0
    offset: int = 0
    metric: str = ""
    last: bool = True

    def share(self, of_budget: float) -> float:
        """Of its own part of the budget, the share that is used when `of_budget` of the whole is; 1 and more: all of it."""
        return max(0.0, of_budget - self.begins) / (self.ends - self.begins)


@dataclass(frozen=True, slots=True)
class Steered:
    """What is steered: the run, where its checkpoints go, and the state that is kept up to date.

    `evaluates_every` in steps, 0: nothing is measured. `total_steps` is None when the hours alone decide. `settings` are
    put into LeRobot's optimizer: `lr` and `weight_decay` and `grad_clip_norm`. `check` looks at the first batch.
    """

    run: Run
    course: Course
    keeping: Keeping
    schedule: Schedule
    total_steps: int | None
    log_every: int
    evaluates_every: int = 0
    validation_episodes: tuple[int, ...] = ()
    phase: Phase = field(default_factory=Phase)
    settings: Mapping[str, float] = field(default_factory=dict)
    check: Callable[[Mapping[str, Foreign], Mapping[str, Foreign], Foreign], None] | None = None


class Steering:
    """The `Seam` of one training in one attempt. `ended_by` says why it ended; `go on`: with its last step."""

    def __init__(self, steered: Steered, losses: Sequence[float] = ()) -> None:
        self._it = steered
        self._course = steered.course
        self._eval_losses = list(losses)
        self._eval_loss: float | None = None
        self._saved_at = 0.0
        self._began_at: tuple[int, float] = (0, 0.0)
        self._told: list[int] = []
        self._spent: list[tuple[float, float]] = []
        self._told_of_data = False
        self._falls = False
        self._step = 0
        self.ended = False
        self.ended_by: StopReason = "go on"

    @property
    def seed(self) -> int:
        """Of the data's random numbers."""
        return self._it.run.hyperparameters.seed

    @property
    def validation_episodes(self) -> tuple[int, ...]:
        """Measured, and not trained on."""
        return self._it.validation_episodes

    def configure(self, config: Foreign) -> None:
        """Give the optimizer the run's settings, as far as it has them."""
        for name, value in self._it.settings.items():
            if hasattr(config.optimizer, name):
                setattr(config.optimizer, name, value)
        agree(self._course)

    def schedule(self, optimizer: Foreign, scheduler: Foreign) -> Foreign:
        """LeRobot's own schedule when the steps are given; else one that ends with the hours."""
        course, phase = self._course, self._it.phase
        self._falls = scheduler is not None
        return with_factor(self._it.schedule, optimizer, scheduler, lambda: phase.share(course.reading.share))

    def received(self, fetched: Mapping[str, Foreign], batch: Mapping[str, Foreign], policy: Foreign) -> None:
        """Compare what the policy gets with what was planned."""
        if self._it.check is not None:
            self._it.check(fetched, batch, policy)

    def begin(self, step: int) -> None:
        """Everything is loaded: the first step comes next, and the clock begins to count."""
        if is_first():
            check_fence(self._it.keeping.workspace.fence, self._it.run.attempt)
            discard_newer(self._it.keeping.root, step)
        self._course.begin(self._it.phase.offset + step)
        self._step = step
        self._began_at = (step, self._course.clock.seconds)
        self._saved_at = self._course.clock.seconds

    def decide(self, update: Update, measure: Callable[[Callable[[], bool]], float | None]) -> bool:
        """Decide, together with the other processes, whether to save and whether to go on."""
        self._step, self._eval_loss = update.step, None
        self._course.advance(self._it.phase.offset + update.step, update.epoch, 0)
        last = update.step == self._it.total_steps
        agreed = agree(self._course, save=self._checkpoint_due(update.step))
        reason = self._reason(agreed.stop)
        saves = agreed.save or last or reason != "go on"
        measures = self._evaluation_due(update.step, reason, last=last)
        if saves or measures or update.step % self._it.log_every == 0 or update.step == 1:
            self._log(update)
        if measures:
            better, reason = self._measure(update, measure, reason)
            saves = saves or better or reason != "go on"
        if reason != "go on":
            self.ended = True
            self.ended_by = "go on" if last else reason
        self._announce(update.step)
        if saves:
            self._course.turn_to("save")
        if saves and not is_first():
            self._after_save(update.step)
        return saves

    def folder(self, step: int) -> Path:
        """Where the checkpoint of `step` goes."""
        return self._it.keeping.folder(step)

    def saved(self, step: int) -> None:
        """Mark the checkpoint complete, unless a newer attempt has taken over."""
        complete(self._it.keeping, self._course, step, self._eval_loss)
        self._after_save(step)

    def _after_save(self, step: int) -> None:
        self._saved_at = self._course.clock.seconds
        listed = entries(self._it.keeping.workspace, self._it.run.resume_from) if is_first() else ()
        self._course.checkpointed(self._it.phase.offset + step, listed)
        self._course.turn_to("step")

    def _reason(self, agreed: StopReason) -> StopReason:
        """A phase has a deadline of its own, by the clock that all processes agreed on."""
        if agreed == "go on" and self._it.phase.share(self._course.reading.share) >= 1.0:
            return "deadline"
        return agreed

    def _measure(
        self, update: Update, measure: Callable[[Callable[[], bool]], float | None], reason: StopReason
    ) -> tuple[bool, StopReason]:
        """Whether the loss is among the best so far, and why to end now: for `reason`, or for what came up meanwhile."""
        self._course.turn_to("evaluation")
        ends = reason
        if ends == "deadline":
            self._course.clock.stop()

        def goes_on() -> bool:
            nonlocal ends
            self._course.sign()
            wish = self._reason(agree(self._course).stop)
            if wish == "deadline":
                # The hours cut no evaluation off. It is the last one now, says what they made, and is charged to nobody.
                self._course.clock.stop()
            given_up = wish in {"terminated", "stopped"} and update.step != self._it.total_steps
            if ends == "go on" and (given_up or wish == "deadline"):
                ends = wish
            return not given_up

        loss = measure(goes_on)
        self._course.turn_to("step")
        if loss is None:
            print("the evaluation is given up: the training is to end", flush=True)
            return False, ends
        self._eval_loss = loss
        self._eval_losses.append(loss)
        self._keep(update, {"evalLoss": loss})
        better = is_among_best(self._eval_losses, self._it.keeping.retention.keep_best)
        goes_further = ends == "go on" and update.step != self._it.total_steps
        if goes_further and is_out_of_patience(self._eval_losses, self._it.run.evaluation.patience):
            return better, "no better"
        return better, ends

    def _log(self, update: Update) -> None:
        """Keep the metrics; Broken (LossNotFinite) when the training has diverged."""
        metrics = {METRIC_NAMES[name]: value for name, value in update.metrics.items() if name in METRIC_NAMES}
        metrics["loss"] = mean_of_all(metrics["loss"])
        spent = metrics.get("dataSeconds", 0.0) + metrics.get("updateSeconds", 0.0)
        metrics["dataShare"] = metrics.get("dataSeconds", 0.0) / spent if spent > 0 else 0.0
        self._look_at_waiting(update.step, metrics.get("dataSeconds", 0.0), spent)
        if not math.isfinite(metrics["loss"]):
            raise Broken(
                "LossNotFinite",
                f"the loss became {metrics['loss']} at step {update.step}: the training has diverged",
                param="spec.hyperparameters.learningRate",
                advice=f"Lower the learning rate (it was {self._it.run.hyperparameters.learning_rate:g}), or look for "
                "broken frames in the dataset.",
            )
        named = self._keep(update, metrics)
        if not self._it.phase.metric and "firstLoss" not in self._course.progress.metrics:
            self._course.measured({"firstLoss": named["loss"]})

    def _look_at_waiting(self, step: int, waited: float, spent: float) -> None:
        """Tell once in an attempt when its data come too slowly; its first step waits for all that starts."""
        if self._told_of_data or step == self._began_at[0] + 1 or not is_first():
            return
        self._spent = [*self._spent[1 - WINDOW :], (waited, spent)]
        share = waiting_for_data(self._spent)
        if share is not None:
            self._told_of_data = True
            print(f"warning: {slow_data_warning(self._it.run, share)}", flush=True)

    def _keep(self, update: Update, metrics: Mapping[str, float]) -> Mapping[str, float]:
        before = self._it.phase.metric
        named = {f"{before}{name[0].upper()}{name[1:]}" if before else name: value for name, value in metrics.items()}
        self._course.measured(named)
        if is_first():
            append_metrics(self._it.keeping.workspace.metrics, self._place(update), named)
        return named

    def _announce(self, step: int) -> None:
        """Tell how many steps the hours hold, as measured: they are the plan, or fewer than were planned."""
        reading, phase, total = self._course.reading, self._it.phase, self._it.total_steps
        if total is None and self.ended:
            self._course.planned(phase.offset + step, 0.0)
        made, used = step - self._began_at[0], reading.seconds - self._began_at[1]
        fits = fitting(step, made, used, phase.ends * reading.budget - reading.seconds)
        if fits is None or self.ended:
            return
        if total is None:
            self._course.planned(phase.offset + fits.steps, 0.0)
        if (total is None or fits.steps < total) and is_news(self._told, fits.steps):
            self._told.append(fits.steps)
            fewer = "warning: " if total is not None else ""
            print(f"{fewer}{fits.sentence}{self._of_the_plan(total)}", flush=True)

    def _of_the_plan(self, total: int | None) -> str:
        """What follows for the plan, and for the learning rate if there is one that falls."""
        planned = f" of the {total} that are planned" if total is not None else ""
        if not self._falls:
            return planned
        if self._it.schedule.follows_hours:
            return f"{planned}; the learning rate falls to its end with the hours"
        return (
            f"{planned}; the learning rate falls with the steps and will not reach its end: raise hours, or lower steps"
        )

    def _evaluation_due(self, step: int, reason: StopReason, *, last: bool) -> bool:
        """At regular steps, and at the last one, also where it is the hours that make it the last."""
        every = self._it.evaluates_every
        if every == 0 or reason not in {"go on", "deadline"}:
            return False
        return last or reason == "deadline" or step % every == 0

    def _checkpoint_due(self, step: int) -> bool:
        rules = self._it.run.checkpoints
        by_steps = rules.every_steps is not None and step % rules.every_steps == 0
        return by_steps or self._course.clock.seconds - self._saved_at >= rules.every_seconds

    def _place(self, update: Update) -> dict[str, object]:
        return {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "attempt": self._it.run.attempt,
            "step": self._it.phase.offset + update.step,
            "epoch": round(update.epoch, 4),
            "trainingSeconds": round(self._course.clock.seconds, 3),
        }

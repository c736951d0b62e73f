"""Steering a transformers training from its callbacks: the clock, stops, checkpoints, metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.distributed.agreement import agree, is_first, wait_for_all
from trainer.failures import Broken
from trainer.training.completing import complete, keeping_of
from trainer.training.evaluations import is_among_best, is_out_of_patience, losses_by_step
from trainer.workspace.checkpoints import discard_newer
from trainer.workspace.entries import entries
from trainer.workspace.fence import check_fence
from trainer.workspace.metrics import append_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.run import Run
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace

METRIC_NAMES: Final[Mapping[str, str]] = {
    "loss": "loss",
    "eval_loss": "evalLoss",
    "learning_rate": "learningRate",
    "grad_norm": "gradNorm",
    "mean_token_accuracy": "tokenAccuracy",
    "eval_mean_token_accuracy": "evalTokenAccuracy",
    "entropy": "entropy",
}
"""Which of transformers' metrics are kept, and what the contract calls them."""


@dataclass(frozen=True, slots=True)
class Steered:
    """What the callback steers: the run, where it writes, and the state that it keeps up to date."""

    run: Run
    workspace: Workspace
    course: Course
    evaluates_every: int
    """Steps; 0: nothing is evaluated."""
    method: Mapping[str, object]
    """For the markers of checkpoints."""


class EvaluationGivenUp(Exception):  # noqa: N818 - nothing has failed
    """The way out of transformers' evaluation loop, which asks nobody whether to go on."""


class Steering(TrainerCallback):  # type: ignore[misc]
    """Called by transformers in the training thread of every process; only the first process writes."""

    def __init__(self, steered: Steered) -> None:
        self._run = steered.run
        self._workspace = steered.workspace
        self._course = steered.course
        self._evaluates_every = steered.evaluates_every
        root = steered.workspace.checkpoints
        self._keeping = keeping_of(steered.run, steered.workspace, root, steered.method)
        self._saved_at = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Everything is loaded: the first step comes next, and the clock begins to count."""
        del args, control
        if is_first():
            check_fence(self._workspace.fence, self._run.attempt)
            discard_newer(self._workspace.checkpoints, state.global_step)
        self._course.begin(state.global_step)
        self._saved_at = self._course.clock.seconds

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Decide, together with the other processes, whether to save and whether to go on."""
        del args
        self._course.advance(state.global_step, float(state.epoch or 0.0), state.num_input_tokens_seen)
        last = state.global_step >= state.max_steps
        agreed = agree(self._course, save=self._checkpoint_due(state.global_step))
        stops = agreed.stop != "go on"
        if stops and not last:
            self._course.stopped_by = agreed.stop
        control.should_training_stop = control.should_training_stop or stops
        control.should_evaluate = not stops and self._evaluation_due(state.global_step, last=last)
        control.should_save = agreed.save or stops or last
        # A loss that is not a number must show before the weights that it spoilt are saved.
        control.should_log = control.should_log or control.should_save or control.should_evaluate
        if control.should_evaluate or control.should_save:
            self._course.turn_to("evaluation" if control.should_evaluate else "save")

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Save what is among the best, and end when there was nothing better for too long: alike in every process."""
        del args
        losses = list(losses_by_step(state.log_history).values())
        control.should_save = control.should_save or is_among_best(losses, self._keeping.retention.keep_best)
        if is_out_of_patience(losses, self._run.evaluation.patience) and state.global_step < state.max_steps:
            self._course.stopped_by = "no better"
            control.should_training_stop = control.should_save = True
        self._course.turn_to("save" if control.should_save else "step")

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Give an evaluation up when the training is to end: it may take longer than there is time for."""
        del args, control
        self._course.sign()
        agreed = agree(self._course)
        if agreed.stop != "go on":
            if state.global_step < state.max_steps:
                self._course.stopped_by = agreed.stop
            raise EvaluationGivenUp

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: object,
    ) -> None:
        """Keep the metrics; Broken (LossNotFinite) when the training has diverged."""
        del args, control
        metrics = {METRIC_NAMES[name]: float(value) for name, value in (logs or {}).items() if name in METRIC_NAMES}
        if not math.isfinite(metrics.get("loss", 0.0)):
            raise Broken(
                "LossNotFinite",
                f"the loss became {metrics['loss']} at step {state.global_step}: the training has diverged",
                param="spec.hyperparameters.learningRate",
                advice=f"Lower the learning rate (it was {self._run.hyperparameters.learning_rate:g}), or look for "
                "damaged rows in the dataset.",
            )
        if "firstLoss" not in self._course.progress.metrics and "loss" in metrics:
            self._course.measured({"firstLoss": metrics["loss"]})
        self._course.measured(metrics)
        if metrics and is_first():
            append_metrics(self._workspace.metrics, self._place(state), metrics)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """A checkpoint has been written: mark it complete, unless a newer attempt has taken over."""
        del args, control
        wait_for_all()
        if is_first():
            step = state.global_step
            complete(self._keeping, self._course, step, losses_by_step(state.log_history).get(step))
        wait_for_all()
        self._saved_at = self._course.clock.seconds
        listed = entries(self._workspace, self._run.resume_from) if is_first() else ()
        self._course.checkpointed(state.global_step, listed)
        self._course.turn_to("step")

    def _evaluation_due(self, step: int, *, last: bool) -> bool:
        every = self._evaluates_every
        return every > 0 and (last or step % every == 0)

    def _checkpoint_due(self, step: int) -> bool:
        rules = self._run.checkpoints
        by_steps = rules.every_steps is not None and step % rules.every_steps == 0
        return by_steps or self._course.clock.seconds - self._saved_at >= rules.every_seconds

    def _place(self, state: TrainerState) -> dict[str, object]:
        return {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "attempt": self._run.attempt,
            "step": state.global_step,
            "epoch": round(float(state.epoch or 0.0), 4),
            "trainingSeconds": round(self._course.clock.seconds, 3),
        }

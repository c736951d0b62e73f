"""How a training that made a model is told: the same for every family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.contract.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.contract.result import Result
    from trainer.contract.run import Run
    from trainer.contract.verdict import Position
    from trainer.training.course import StopReason

RESULTS: Final[Mapping[StopReason, Result]] = {
    "go on": "completed",
    "no better": "completed",
    "deadline": "deadline",
    "stopped": "stopped",
}
"""What an end of the training is called in the verdict."""
REMARKS: Final[Mapping[StopReason, str]] = {
    "go on": "",
    "no better": "; the evaluation no longer became better",
    "deadline": "; the training hours are used up",
    "stopped": "; stopped as asked",
}


def verdict_of_training(run: Run, reason: StopReason, position: Position) -> Verdict:
    """How a training ended, without the model: all that nodes other than the first have to say."""
    # What a training was stopped at is no plan that was fulfilled.
    planned = (
        ""
        if reason == "stopped" and position.step >= position.total_steps
        else (f" of {max(position.step, position.total_steps)}")
    )
    return Verdict(
        stage="train",
        attempt=run.attempt,
        result=RESULTS[reason],
        message=f"trained {position.step}{planned} steps{REMARKS[reason]}",
        position=position,
    )


def remark_on_choice(run: Run, best: int | None) -> str:
    """What the message says of the weights that were chosen: those of step `best`, or without one the last ones."""
    if best is not None:
        return f"; the model is that of step {best}, which the evaluation found best"
    if run.output.select == "best":
        return "; the best was asked for, but no evaluation was complete: the model is that of the last step"
    return ""

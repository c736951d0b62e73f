"""The course of a job as a training before the policy's sees it: its steps are none of the job's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.contract.progress import CheckpointEntry
    from trainer.contract.run import Run
    from trainer.training.course import Course


class StepsAside:
    """Everything goes to the job's course, but steps: they are told as the metric `rewardStep`, and the job's stays 0.

    So the steps of a job, its checkpoints and what is planned are the policy's alone, and never count backwards.
    """

    def __init__(self, course: Course) -> None:
        self._course = course

    def __getattr__(self, name: str) -> object:
        return getattr(self._course, name)

    def begin(self, step: int) -> None:
        """The clock begins to count."""
        self._course.begin(0)
        self._course.measured({"rewardStep": step})

    def advance(self, step: int, _epoch: float, _trained_tokens: int) -> None:
        """A step of the reward model has ended."""
        self._course.measured({"rewardStep": step})
        self._course.turn_to("step")

    def checkpointed(self, step: int, _entries: tuple[CheckpointEntry, ...] = ()) -> None:
        """A checkpoint of the reward model is none of the policy's."""
        self._course.measured({"rewardCheckpointStep": step})


def begin_progress(run: Run, course: Course) -> None:
    """The progress of the frames is computed from here on: before a policy on the clock of the hours, else beside it.

    After a reward model's own training the hours may be used up, and PID 1 ends what goes far beyond them: that would
    cost the model, which is there, in each attempt anew.
    """
    if run.job_type == "reward":
        course.clock.stop()
    else:
        course.begin(course.progress.step)

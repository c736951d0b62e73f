"""Where the progress comes from by which a policy's samples are weighted (RA-BC), and the phases that follow from it.

https://arxiv.org/abs/2509.25358: SARM sees how far a task is done; RA-BC weights a sample by how far its chunk of
actions brings the task on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.robots import AnnotationMode, HeadMode, Reward
    from trainer.contract.run import Run

Way = Literal["none", "train", "model", "file"]
"""No weighting; a reward model is trained in this job; one is given; its progress is given too."""
Head = Literal["sparse", "dense"]

WEIGHED_TYPES: Final = ("smolvla", "pi0", "pi05")
"""Policies of LeRobot 0.6.1 that can tell the loss of each sample apart."""
KAPPA: Final = 0.01
"""LeRobot's own: progress above which a sample counts in full."""


def way_of(run: Run) -> Way:
    """Where a run's progress comes from. What is given counts before what could be trained."""
    reward = run.reward
    if run.job_type == "reward":
        return "train"
    if run.job_type != "vla_w_reward" and not (reward and reward.use_rabc):
        return "none"
    if reward and (reward.progress_path or reward.progress_uri):
        return "file"
    if reward and (reward.model_path or reward.model_uri):
        return "model"
    return "train" if run.job_type == "vla_w_reward" else "none"


def weighs(run: Run) -> bool:
    """Whether a policy is trained whose samples are weighted."""
    return run.job_type != "reward" and way_of(run) != "none"


def heads_of(annotation_mode: AnnotationMode) -> tuple[Head, ...]:
    """The heads of a SARM model that was trained so."""
    return ("sparse",) if annotation_mode == "single_stage" else ("sparse", "dense")


def head_to_weigh(head_mode: HeadMode) -> Head:
    """The head whose progress weights samples: LeRobot weights by one."""
    return "dense" if head_mode == "dense" else "sparse"


def heads_to_compute(head_mode: HeadMode, have: Sequence[Head]) -> HeadMode:
    """What is asked of a model that has these heads: LeRobot computes a missing one as nothing, and says no word."""
    if head_mode == "both":
        return "both" if "dense" in have else "sparse"
    return head_mode


def kappa_of(reward: Reward | None) -> float:
    """Progress above which a sample counts in full."""
    return reward.kappa if reward and reward.kappa is not None else KAPPA

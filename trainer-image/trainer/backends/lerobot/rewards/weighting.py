"""What LeRobot is told so that it weights a policy's samples by their progress, and whether the weights are healthy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.rewards.places import RewardPlaces
from trainer.contract.robots import Reward
from trainer.rewards.progress_file import find_progress
from trainer.rewards.ways import head_to_weigh, kappa_of, way_of, weighs

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.workspace.layout import Workspace

CHUNK: Final = 50
"""Actions that smolvla, pi0 and pi05 plan at once, when their configuration does not say."""
HEALTHY: Final = (0.3, 0.8)
"""Mean weights at which weighting tells good samples from bad ones: LeRobot's documentation."""


def weighting_arguments(run: Run, workspace: Workspace) -> tuple[str, ...]:
    """Arguments of `lerobot-train`; none when no sample is weighted."""
    if not weighs(run):
        return ()
    reward = run.reward or Reward()
    return (
        "--sample_weighting.type=rabc",
        f"--sample_weighting.progress_path={progress_path(run, workspace)}",
        f"--sample_weighting.head_mode={head_to_weigh(reward.head_mode)}",
        f"--sample_weighting.kappa={kappa_of(reward):g}",
    )


def progress_path(run: Run, workspace: Workspace) -> Path:
    """The file of progress: the one that is given, else the one that this job computes."""
    reward = run.reward or Reward()
    if way_of(run) == "file":
        return find_progress(Path(reward.progress_path))
    return RewardPlaces.of(workspace).progress.path


def weight_warnings(path: Path, reward: Reward | None, chunk: int) -> tuple[str, ...]:
    """Whether the mean weight of all samples is such that weighting changes anything, by LeRobot's own formula."""
    from lerobot.rewards.sarm.rabc import RABCWeights  # noqa: PLC0415 - heavy, and only where there is progress

    head, kappa = head_to_weigh(reward.head_mode if reward else "sparse"), kappa_of(reward)
    weights = RABCWeights(path, chunk_size=chunk, head_mode=head, kappa=kappa)
    _, told = weights.compute_batch_weights({"index": weights.df["index"].to_numpy()})
    mean, none = float(told["mean_weight"]), int(told["num_zero_weight"])
    print(f"samples are weighted by {mean:.2f} in the mean; {none} of {len(weights.df)} count for nothing", flush=True)
    lowest, highest = HEALTHY
    if mean > highest:
        why = f"above {highest:g}: nearly all samples count in full. Raise reward.kappa (it is {kappa:g})"
    elif mean < lowest:
        why = f"below {lowest:g}: most samples hardly count. Lower reward.kappa (it is {kappa:g}), or train the reward model longer"
    else:
        return ()
    return (f"the mean weight of the samples is {mean:.2f}, {why}",)

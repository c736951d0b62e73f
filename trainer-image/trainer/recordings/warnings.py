"""What is suspicious about recordings and not refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.recordings.recording import ACTION, STATE, V21

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.policies import Policy
    from trainer.recordings.recording import Recording

FEW_EPISODES: Final = 10
"""Fewer than these hardly teach a policy anything (LeRobot's guide asks for 50)."""


def warnings_of(recordings: Sequence[Recording], policy: Policy | None, cameras: CameraPlan | None) -> tuple[str, ...]:
    """Sentences, the gravest first."""
    return tuple(_warnings(recordings, policy, cameras))


def _warnings(recordings: Sequence[Recording], policy: Policy | None, cameras: CameraPlan | None) -> Iterator[str]:
    first = recordings[0]
    if cameras and cameras.masked:
        yield f"masked pictures, since no camera is mapped to them: {', '.join(cameras.masked)}"
    if cameras and cameras.unused:
        yield f"cameras of the dataset that the policy does not see: {', '.join(cameras.unused)}"
    if first.depth_keys:
        yield f"depth cameras are left out, policies see colours: {', '.join(first.depth_keys)}"
    if policy and not first.state_dim:
        yield f"there is no {STATE}: the policy acts on pictures alone"
    episodes = sum(len(each.episodes) for each in recordings)
    if episodes < FEW_EPISODES:
        yield f"{episodes} episode{'s are' if episodes > 1 else ' is'} few: a policy wants {FEW_EPISODES} to 50 and more"
    for recording in recordings:
        yield from _of_one(recording)


def _of_one(recording: Recording) -> Iterator[str]:
    uri = recording.dataset.uri
    if recording.version == V21:
        yield f"{uri} is of version {V21}: it is converted for this job, and a copy is kept in the workspace"
    still = [
        f"{key}[{index}]"
        for key in (STATE, ACTION)
        for index, number in enumerate(recording.stats.get(key, {}).get("std", []))
        if number == 0
    ]
    if still:
        yield f"{uri}: numbers that never change: {', '.join(still[:8])}"
    if not any(recording.tasks):
        yield f"{uri}: no task is described; policies that read language see an empty sentence"

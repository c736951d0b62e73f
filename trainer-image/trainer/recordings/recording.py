"""What a LeRobot dataset says about itself, as frozen values: its features, its episodes, where their files lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.contract.sources import Dataset

STATE: Final = "observation.state"
ACTION: Final = "action"
DIMENSIONS: Final = 3
"""Of a picture: height, width and channels, in some order."""
V30: Final = "v3.0"
V21: Final = "v2.1"
TOLERANCE: Final = 1e-4
"""Seconds by which LeRobot lets a frame's time be off, unless it is told otherwise."""
ALLOW: Final = "A policy's job may allow more: hyperparameters.extra.tolerance_s, in seconds."
INDEX_COLUMNS: Final = ("timestamp", "frame_index", "episode_index", "index", "task_index")
"""What every row of every dataset has beside its own features."""

Stats = dict[str, dict[str, list[float]]]
"""Feature → name of the statistic (mean, std, q01 …) → its numbers, flattened."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of `meta/info.json`: `shape` as it stands there, `names` of its dimensions or of its numbers.

    `depth`: a camera that sees distances, no colours.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    depth: bool = False

    @property
    def is_camera(self) -> bool:
        """Whether it is a picture, in a video or in the table."""
        return self.dtype in {"image", "video"}

    @property
    def channels_last(self) -> bool:
        """Whether LeRobot takes the shape for height, width, channels; else for channels, height, width."""
        return len(self.names) == DIMENSIONS and self.names[2] in {"channel", "channels"}

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of a camera's pictures."""
        first, second, third = self.shape
        return (first, second, third) if self.channels_last else (second, third, first)

    @property
    def shown(self) -> str:
        """The shape in a message."""
        return " x ".join(map(str, self.shape))


@dataclass(frozen=True, slots=True)
class Clip:
    """Where an episode lies in a video: `path` under the dataset's folder, from `begin` to `end` in seconds."""

    path: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode: `length` frames, the first of them number `start` of the dataset, in the table `path`."""

    index: int
    length: int
    start: int
    path: str
    tasks: tuple[str, ...] = ()
    clips: Mapping[str, Clip] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """A LeRobot dataset at `root`. `frames` over all episodes; `columns` are those that the episodes' table has.

    `stats` are those of the whole dataset; of v2.1 there are none, but `episode_stats`, by episode. `unseen` are the
    features that nobody looks at in the job, where that is known; `tolerance` are seconds by which a frame's time may be off.
    """

    dataset: Dataset
    root: Path
    version: str
    fps: float
    robot_type: str
    frames: int
    features: Mapping[str, Feature]
    episodes: tuple[Episode, ...]
    tasks: tuple[str, ...]
    stats: Stats
    episode_stats: Mapping[int, Stats] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    tolerance: float = TOLERANCE

    @property
    def image_keys(self) -> tuple[str, ...]:
        """The keys that a camera mapping may name, as they stand in the dataset; depth cameras are none of them."""
        return tuple(key for key, each in self.features.items() if each.is_camera and not each.depth)

    @property
    def depth_keys(self) -> tuple[str, ...]:
        """The cameras that see distances."""
        return tuple(key for key, each in self.features.items() if each.is_camera and each.depth)

    @property
    def state_dim(self) -> int:
        """Numbers of a state; 0 when there is none."""
        return self._numbers(STATE)

    @property
    def action_dim(self) -> int:
        """Numbers of an action; 0 when there is none."""
        return self._numbers(ACTION)

    def _numbers(self, key: str) -> int:
        feature = self.features.get(key)
        return feature.shape[0] if feature and feature.shape else 0

    def refused(self, code: str, problem: str, advice: str) -> UserError:
        """What is wrong with it, as the user's error."""
        return refused(self.dataset, code, problem, advice)


def refused(dataset: Dataset, code: str, problem: str, advice: str) -> UserError:
    """The user's error about a dataset: its uri, then the problem, which begins with file, episode or key."""
    return UserError(code, f"{dataset.uri}: {problem}", param=dataset.param, advice=advice)

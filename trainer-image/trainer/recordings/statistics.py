"""A dataset's statistics: `meta/stats.json` (v3.0), or one line for each episode in `meta/episodes_stats.jsonl` (v2.1)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from trainer.failures import UserError
from trainer.recordings.permissions import allowed
from trainer.recordings.recording import V21, refused
from trainer.recordings.tables import place, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from trainer.contract.sources import Dataset
    from trainer.recordings.recording import Recording, Stats

FILE: Final = "meta/stats.json"
LINES: Final = "meta/episodes_stats.jsonl"
RECOMPUTE: Final = "Recompute them: lerobot-edit-dataset --repo_id NAME --root FOLDER --operation.type recompute_stats."
PLAIN: Final = ("mean", "std", "min", "max")


def read_stats(dataset: Dataset, root: Path) -> Stats:
    """The statistics of a v3.0 dataset. UserError when there are none or they are no JSON object."""
    with allowed(dataset, root, FILE):
        there = (root / FILE).is_file()
    if not there:
        raise refused(dataset, "DatasetInvalid", f"{FILE} is missing: without it nothing can be normalized", RECOMPUTE)
    try:
        with allowed(dataset, root, FILE):
            document: object = json.loads(place(dataset, root, FILE).read_text(encoding="utf-8"))
    except ValueError as error:
        raise refused(dataset, "DatasetUnreadable", f"{FILE} is not valid JSON: {error}", RECOMPUTE) from error
    return _stats(dataset, FILE, document)


def read_episode_stats(dataset: Dataset, root: Path) -> dict[int, Stats]:
    """The statistics of each episode of a v2.1 dataset."""
    found: dict[int, Stats] = {}
    for number, line in enumerate(read_lines(dataset, root, LINES), start=1):
        index = line.get("episode_index")
        if not isinstance(index, int):
            raise refused(dataset, "DatasetInvalid", f"{LINES}, line {number}: no episode_index", RECOMPUTE)
        found[index] = _stats(dataset, f"{LINES}, episode {index}", line.get("stats"))
    return found


def check_stats(recording: Recording, key: str) -> None:
    """UserError (DatasetInvalid) when a feature has no statistics, or some that are not finite numbers."""
    if recording.episode_stats:
        for episode in recording.episodes:
            where = f"{LINES}, episode {episode.index}"
            _check(recording, where, recording.episode_stats.get(episode.index, {}), key)
    else:
        _check(recording, FILE, recording.stats, key)


def cameras_without(recording: Recording) -> tuple[str, ...]:
    """Cameras that nobody looks at and whose statistics are missing or wrong. LeRobot wants some of every camera."""
    return tuple(
        key
        for key in recording.image_keys
        if recording.version != V21 and key in recording.unseen and not _is_sound(recording, key)
    )


def lacks_quantiles(recording: Recording, keys: Iterable[str], quantiles: Sequence[str]) -> bool:
    """Whether one of these `quantiles`, such as q01, of one of these features must be computed first; of v2.1 always."""
    return any(name not in recording.stats.get(key, {}) for key in keys for name in quantiles)


def _is_sound(recording: Recording, key: str) -> bool:
    try:
        _check(recording, FILE, recording.stats, key)
    except UserError:
        return False
    return True


def _check(recording: Recording, where: str, stats: Stats, key: str) -> None:
    if key not in stats:
        have = ", ".join(stats) or "nothing"
        raise recording.refused("DatasetInvalid", f"{where} has nothing of {key}, but of {have}", RECOMPUTE)
    for name in PLAIN:
        if name not in stats[key]:
            raise recording.refused("DatasetInvalid", f"{where}, {key}: has no {name}", RECOMPUTE)
    for name, numbers in stats[key].items():
        wrong = next((number for number in numbers if not math.isfinite(number)), None)
        if wrong is not None:
            problem = f"{where}, {key}: {name} has the value {wrong}, must be finite"
            raise recording.refused("DatasetInvalid", problem, RECOMPUTE)
    if any(number < 0 for number in stats[key].get("std", [])):
        raise recording.refused("DatasetInvalid", f"{where}, {key}: std is negative", RECOMPUTE)


def _stats(dataset: Dataset, where: str, document: object) -> Stats:
    if not isinstance(document, dict) or not all(isinstance(each, dict) for each in document.values()):
        raise refused(dataset, "DatasetInvalid", f"{where} is no object of features", RECOMPUTE)
    return {
        key: {name: _numbers(dataset, f"{where}, {key}: {name}", value) for name, value in each.items()}
        for key, each in document.items()
    }


def _numbers(dataset: Dataset, where: str, value: object) -> list[float]:
    """Numbers of any nesting; a null stands for one that is none, and of truth older recorders wrote the word."""
    if isinstance(value, list):
        return [number for inner in value for number in _numbers(dataset, where, inner)]
    if value is None:
        return [math.nan]
    if not isinstance(value, bool | int | float):
        raise refused(dataset, "DatasetInvalid", f"{where} is {value!r}, must be a number", RECOMPUTE)
    return [float(value)]

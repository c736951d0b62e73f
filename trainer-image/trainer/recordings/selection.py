"""Which episodes are trained on and which are measured on, over all datasets of a job."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.contract.run import Run
    from trainer.recordings.recording import Recording


@dataclass(frozen=True, slots=True)
class Selection:
    """Episodes by their number in all datasets put one after the other: those to train on first, then those for validation."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def select_episodes(run: Run, train: Sequence[Recording], validation: Sequence[Recording]) -> Selection:
    """What the job selects; a fraction of it for validation when no dataset is for that, drawn by the job's seed.

    UserError (EpisodesInvalid) when a number is not there, or nothing would be left to train on.
    """
    chosen = _over_all(train, 0)
    apart = _over_all(validation, sum(len(each.episodes) for each in train))
    fraction = run.evaluation.fraction
    if apart or not fraction:
        return Selection(chosen, apart)
    count = max(1, round(fraction * len(chosen)))
    if count >= len(chosen):
        raise UserError(
            "EpisodesInvalid",
            f"{train[0].dataset.uri}: {count} of {len(chosen)} episode{'s' if len(chosen) > 1 else ''} would be set"
            f" aside for validation (fraction {fraction:g}): none is left to train on",
            param="spec.evaluation.fraction",
            advice="Select more episodes, or leave the fraction out.",
        )
    drawn = set(random.Random(run.hyperparameters.seed).sample(chosen, count))  # noqa: S311 - a draw, no secret
    return Selection(tuple(each for each in chosen if each not in drawn), tuple(sorted(drawn)))


def episodes_of(recording: Recording) -> tuple[int, ...]:
    """The episodes that the job selects of a dataset, sorted: all of them, when it names none."""
    asked = recording.dataset.episodes
    if not asked:
        return tuple(range(len(recording.episodes)))
    chosen: set[int] = set()
    for part in asked.split(","):
        first, _, last = part.partition("-")
        begin, end = int(first), int(last or first)
        if begin > end:
            raise _wrong(recording, f"'{part}' counts backwards", f"Write {end}-{begin}.")
        if end >= len(recording.episodes):
            problem = f"has episodes 0 to {len(recording.episodes) - 1}, and '{part}' asks for episode {end}"
            raise _wrong(recording, problem, f"Name episodes up to {len(recording.episodes) - 1}; they count from 0.")
        chosen.update(range(begin, end + 1))
    return tuple(sorted(chosen))


def _over_all(recordings: Sequence[Recording], start: int) -> tuple[int, ...]:
    found: list[int] = []
    for recording in recordings:
        found += [start + index for index in episodes_of(recording)]
        start += len(recording.episodes)
    return tuple(found)


def _wrong(recording: Recording, problem: str, advice: str) -> UserError:
    param = f"{recording.dataset.place}.episodes"
    return UserError("EpisodesInvalid", f"{recording.dataset.uri}: {problem}", param=param, advice=advice)

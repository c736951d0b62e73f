"""A file of progress: one row for each frame of a dataset, and how far each head sees the task done there, from 0 to 1.

The format is that of LeRobot's `sarm_progress.parquet`: `index`, `episode_index`, `frame_index`, `progress_<head>`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trainer.failures import UserError, did_you_mean
from trainer.neighbours import listing, what_is_there
from trainer.rewards.ways import Head, head_to_weigh

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.contract.robots import HeadMode

PARAM: Final = "spec.reward.progressUri"
FILE: Final = "sarm_progress.parquet"
"""As LeRobot calls it: the file that is looked for when a folder is named."""
NEEDED: Final = ("index", "episode_index")
MOST_MISSING: Final = 0.2
"""Of the frames, without progress: they count in full, and no more than this share may."""
MARGIN: Final = 1e-3
"""By which a progress may lie outside of 0 to 1: float32 rounds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a sound file holds: `rows`, and by head the share of rows `missing` a progress (not a number)."""

    rows: int
    missing: dict[Head, float]

    @property
    def heads(self) -> tuple[Head, ...]:
        """Those it has a column of."""
        return tuple(self.missing)


def find_progress(path: Path) -> Path:
    """The file itself, or the one in the folder; UserError (ProgressNotFound) with what is there."""
    file = next((each for each in (path / FILE, path / "progress.parquet") if each.is_file()), path)
    if file.is_file():
        return file
    there = listing(path) if path.is_dir() else what_is_there(path)
    raise UserError(
        "ProgressNotFound",
        f"no file of progress at {path.name}.{there}",
        param=PARAM,
        advice=f"Name a parquet file, or a folder with one called {FILE}: LeRobot and jobs of type reward write it.",
    )


def check_progress(path: Path, head_mode: HeadMode, episode_lengths: Sequence[int]) -> Progress:
    """What the file at `path` holds; UserError (ProgressInvalid) when it does not fit the dataset or has not that head.

    `episode_lengths` in frames, in the order of the episodes.
    """
    table = _read(path)
    missing_columns = [
        name for name in (*NEEDED, f"progress_{head_to_weigh(head_mode)}") if name not in table.column_names
    ]
    if missing_columns:
        raise _no_column(path, missing_columns[0], table.column_names)
    _check_rows(path, table, episode_lengths)
    heads: tuple[Head, ...] = ("sparse", "dense")
    return Progress(
        rows=table.num_rows,
        missing={head: _missing(path, table, head) for head in heads if f"progress_{head}" in table.column_names},
    )


def check_missing(progress: Progress, head: Head, failed: int = 0) -> tuple[str, ...]:
    """Warnings about frames without progress; UserError (ProgressIncomplete) when they are too many.

    `failed` are the frames that could not be computed, where that is known: what lies between others has been filled.
    """
    share = max(progress.missing.get(head, 1.0), failed / max(1, progress.rows))
    if share > MOST_MISSING:
        raise UserError(
            "ProgressIncomplete",
            f"{share:.0%} of the frames have no {head} progress, more than {MOST_MISSING:.0%}: they would count in full",
            param="spec.reward",
            advice="The pod's log names the frames and why. Leave broken episodes out by datasets[].episodes, or train the"
            " reward model longer.",
        )
    return (f"{share:.1%} of the frames have no {head} progress and count in full",) if share > 0 else ()


def _read(path: Path) -> Any:  # noqa: ANN401 - a pyarrow table: pyarrow is only imported where there is a file
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise _invalid(path, f"cannot be read as parquet: {why}", "Copy the file again, completely.") from error


def _no_column(path: Path, name: str, have: Sequence[str]) -> UserError:
    hint = did_you_mean(name, have)
    problem = f"has no column {name}.{hint} It has: {', '.join(have)}"
    if name == "progress_dense" and "progress_sparse" in have:
        return _invalid(
            path, problem, "Set headMode to sparse, or compute dense progress with a model that has a dense head."
        )
    return _invalid(
        path, problem, "Compute the file with LeRobot's compute_rabc_weights, or leave it out and give reward.modelUri."
    )


def _check_rows(path: Path, table: Any, lengths: Sequence[int]) -> None:  # noqa: ANN401 - see above
    """The rows are the dataset's frames: LeRobot would give those it does not find full weight, and say no word."""
    frames = sum(lengths)
    again = "Compute it again for this dataset, with all of its episodes and no others."
    if table.num_rows != frames:
        problem = f"has {table.num_rows} rows, and the dataset has {frames} frames in {len(lengths)} episodes"
        raise _invalid(path, problem, again)
    episodes = dict(zip(table["index"].to_pylist(), table["episode_index"].to_pylist(), strict=True))
    first = 0
    for episode, length in enumerate(lengths):
        wrong = next((i for i in range(first, first + length) if episodes.get(i) != episode), None)
        if wrong is not None:
            has = f"episode {episodes[wrong]}" if wrong in episodes else "no row of it"
            raise _invalid(path, f"index {wrong}: the dataset has it in episode {episode}, the file has {has}", again)
        first += length


def _missing(path: Path, table: Any, head: Head) -> float:  # noqa: ANN401 - see above
    values = table[f"progress_{head}"].to_pylist()
    numbers = [value for value in values if isinstance(value, float) and not math.isnan(value)]
    outside = next((value for value in numbers if not -MARGIN <= value <= 1 + MARGIN), None)
    if outside is not None:
        problem = f"column progress_{head} holds {outside:g}; progress is from 0 to 1"
        raise _invalid(path, problem, "Compute it again, or divide what counts otherwise.")
    return 1 - len(numbers) / max(1, len(values))


def _invalid(path: Path, problem: str, advice: str) -> UserError:
    return UserError("ProgressInvalid", f"the file of progress {path.name} {problem}", param=PARAM, advice=advice)

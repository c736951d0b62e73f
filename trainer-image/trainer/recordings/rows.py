"""The rows of a dataset's tables: whether they are those that `meta/` promises, and numbers.

Footers are read of every table; values of as many as a few seconds allow, evenly spread.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from trainer.failures import did_you_mean
from trainer.recordings.recording import ALLOW, INDEX_COLUMNS
from trainer.recordings.sampling import spread
from trainer.recordings.tables import COPY_AGAIN, read_shape, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from trainer.recordings.recording import Episode, Feature, Recording

MOST_ROWS: Final = 200_000
"""Rows whose values are looked at."""
RATE_SHARE: Final = 0.02
"""Of the rate, by which trembling times may miss it."""
RATE_STEP: Final = 0.01
"""Frames per second by which two rates differ."""
FLOAT_STEP: Final = 2.4e-7
"""The relative error that a time has as float32, doubled."""


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """How many tables and rows there are, and of how many the values were looked at.

    `remarks` are about numbers that nobody looks at, one of a feature.
    """

    tables: int
    rows: int
    tables_read: int
    rows_read: int
    remarks: tuple[str, ...] = ()


def check_rows(recording: Recording) -> RowsSeen:
    """UserError (DatasetInvalid, DatasetUnreadable) names the table, the episode and the column."""
    tables: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in recording.episodes:
        tables[episode.path].append(episode)
    rows = {path: _check_shape(recording, path, episodes) for path, episodes in tables.items()}
    check_counts(recording)
    read = _few_enough(rows)
    remarks: dict[str, str] = {}
    for path in read:
        remarks = {**_check_values(recording, path, tables[path]), **remarks}
    rows_read = sum(rows[path] for path in read)
    return RowsSeen(len(tables), sum(rows.values()), len(read), rows_read, tuple(remarks.values()))


def _few_enough(rows: Mapping[str, int]) -> list[str]:
    """Tables, evenly spread, with about `MOST_ROWS` rows between them; always one."""
    total = sum(rows.values())
    share = min(1.0, MOST_ROWS / max(total, 1))
    return spread(sorted(rows), max(1, int(share * len(rows))))


def _check_shape(recording: Recording, path: str, episodes: Sequence[Episode]) -> int:
    schema, footer = read_shape(recording.dataset, recording.root, path)
    promised = sum(each.length for each in episodes)
    if footer.num_rows != promised:
        named = f"episode {episodes[0].index}" + (f" to {episodes[-1].index}" if len(episodes) > 1 else "")
        raise recording.refused(
            "DatasetInvalid", f"{path} has {footer.num_rows} rows, and {named} should have {promised}", COPY_AGAIN
        )
    wanted = [key for key, each in recording.features.items() if each.dtype != "video"]
    for key in (*wanted, *INDEX_COLUMNS):
        if key not in schema.names:
            hint = did_you_mean(key, [name for name in schema.names if name not in wanted])
            have = ", ".join(schema.names)
            problem = f"{path}, episode {episodes[0].index}: no column {key}.{hint} It has: {have}"
            raise recording.refused("DatasetInvalid", problem, _ABSENT)
    extra = next((name for name in schema.names if name not in recording.features and name not in INDEX_COLUMNS), None)
    if extra:
        hint = did_you_mean(extra, recording.features)
        problem = f"{path}: the column {extra} is no feature of meta/info.json.{hint}"
        raise recording.refused("DatasetInvalid", problem, _EXTRA)
    _check_types(recording, path, schema)
    return int(footer.num_rows)


_ABSENT: Final = (
    "Every table must have every feature: record the episode again or remove the feature from meta/info.json."
)
_EXTRA: Final = "Add it to the features of meta/info.json, or write the tables without it."


def _check_types(recording: Recording, path: str, schema: pa.Schema) -> None:
    for key, feature in recording.features.items():
        if feature.dtype in {"video", "string", "language", "image"}:
            continue
        kind = _bare(schema.field(key).type)
        while pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
            kind = kind.value_type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
            problem = f"{path}: the column {key} holds {kind}, and meta/info.json says {feature.dtype}"
            raise recording.refused("DatasetInvalid", problem, _EXTRA)


def _bare(kind: pa.DataType) -> pa.DataType:
    """Of numbers in two dimensions what they are kept as: once `datasets` is imported, pyarrow answers a type of its own."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def check_counts(recording: Recording) -> None:
    """UserError (DatasetInvalid) when the episodes have not as many frames between them as `meta/info.json` says."""
    frames = sum(each.length for each in recording.episodes)
    if frames != recording.frames:
        problem = f"meta/info.json says total_frames {recording.frames}, and the episodes have {frames}"
        raise recording.refused("DatasetInvalid", problem, f"Write {frames}, or copy the dataset again.")


def _check_values(recording: Recording, path: str, episodes: Sequence[Episode]) -> dict[str, str]:
    """By feature what is odd about numbers that nobody looks at."""
    numeric = {
        key: each
        for key, each in recording.features.items()
        if each.dtype not in {"video", "image", "string", "language"} and key not in INDEX_COLUMNS
    }
    table = read_table(recording.dataset, recording.root, path, [*numeric, *INDEX_COLUMNS])
    ordered = sorted(episodes, key=lambda each: each.start)
    owner = np.repeat([each.index for each in ordered], [each.length for each in ordered])
    frame = np.concatenate([np.arange(each.length) for each in ordered])
    _check_order(recording, path, table, owner, frame)
    remarks = {"timestamp": _check_times(recording, path, _plain(table.column("timestamp")), owner, frame)}
    remarks |= {key: _check_numbers(recording, path, table.column(key), each, owner) for key, each in numeric.items()}
    return {key: remark for key, remark in remarks.items() if remark}


def _check_order(
    recording: Recording, path: str, table: pa.Table, owner: NDArray[np.int64], frame: NDArray[np.int64]
) -> None:
    """Episodes one after the other, their frames from 0, each with a task."""
    for name, expected in (("episode_index", owner), ("frame_index", frame)):
        given = _plain(table.column(name))
        wrong = np.flatnonzero(given != expected)
        if wrong.size:
            row = int(wrong[0])
            problem = f"{path}, row {row}: {name} is {given[row]:g}, must be {expected[row]} of episode {owner[row]}"
            raise recording.refused("DatasetInvalid", problem, _ORDER)
    tasks = _plain(table.column("task_index"))
    wrong = np.flatnonzero(~((tasks >= 0) & (tasks < len(recording.tasks))))
    if wrong.size:
        row = int(wrong[0])
        problem = (
            f"{path}, episode {owner[row]}: task_index is {tasks[row]:g}, and meta/tasks lists {len(recording.tasks)}"
        )
        raise recording.refused("DatasetInvalid", problem, "Add the task to meta/tasks, or correct the index.")


def _check_times(
    recording: Recording, path: str, times: NDArray[np.float64], owner: NDArray[np.int64], frame: NDArray[np.int64]
) -> str:
    """Each frame at its time, which LeRobot looks for in videos; elsewhere what is off is only told."""
    wanted = frame / recording.fps
    wrong = np.flatnonzero(~(np.abs(times - wanted) <= recording.tolerance + FLOAT_STEP * wanted))
    if not wrong.size:
        return ""
    row = int(wrong[0])
    problem = (
        f"{path}, episode {owner[row]}, frame {frame[row]}: timestamp is {times[row]:.4f} s, at fps"
        f" {recording.fps:g} it must be {wanted[row]:.4f} s (within {recording.tolerance:g})"
    )
    if _only_trembles(recording, times, owner):
        return problem
    raise recording.refused("DatasetInvalid", problem, _times_advice(recording, times, owner))


def _only_trembles(recording: Recording, times: NDArray[np.float64], owner: NDArray[np.int64]) -> bool:
    """Whether times go on at the rate, each a little off, where no video is: rows are found by their number."""
    steps = np.diff(times)[np.diff(owner) == 0]
    if any(each.dtype == "video" for each in recording.features.values()) or not steps.size:
        return False
    return bool(np.all(steps > 0) and abs(float(steps.mean()) * recording.fps - 1) < RATE_SHARE)


_ORDER: Final = "The rows must be in the order of meta/episodes: write the table again with LeRobot."


def _times_advice(recording: Recording, times: NDArray[np.float64], owner: NDArray[np.int64]) -> str:
    """The rate that the times do have, when they have one."""
    steps = np.diff(times)[np.diff(owner) == 0]
    step = float(np.median(steps)) if steps.size else 0.0
    rate = round(1 / step, 2) if step > 0 else 0.0
    if rate and abs(rate - recording.fps) > RATE_STEP and float(np.abs(steps - step).max()) < recording.tolerance:
        return f"The times are those of fps {rate:g}: write that into meta/info.json."
    return f"The times must be frame_index / fps: write them anew, or record the episode again. {ALLOW}"


def _check_numbers(
    recording: Recording, path: str, column: pa.ChunkedArray, feature: Feature, owner: NDArray[np.int64]
) -> str:
    width = int(np.prod(feature.shape))
    values = _plain(column)
    if column.null_count or values.size != width * len(owner):
        each = values.size / len(owner)
        problem = f"{path}, {feature.key}: rows have {each:g} numbers, meta/info.json says shape {feature.shown}"
        raise recording.refused("DatasetInvalid", problem, "Correct the shape in meta/info.json, or the rows.")
    wrong = np.flatnonzero(~np.isfinite(values))
    if not wrong.size:
        return ""
    row = int(wrong[0]) // width
    first = int(owner.searchsorted(owner[row])) if np.all(np.diff(owner) >= 0) else 0
    where = f"{path}, episode {owner[row]}, frame {row - first}: {feature.key} holds {values[wrong[0]]}"
    if feature.key in recording.unseen:
        return where
    advice = f"Remove the episode (lerobot-edit-dataset --operation.type delete_episodes) or leave out {owner[row]}."
    raise recording.refused("DatasetInvalid", f"{where}, must be finite", advice)


def _plain(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """All numbers of a column in one row, lists opened."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    while pa.types.is_nested(array.type):
        array = array.flatten()
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)

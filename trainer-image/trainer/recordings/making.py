"""Making one dataset of several, with LeRobot's own converter and merger. Nothing is encoded: videos are put one after the other."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

from trainer.recordings.changing import add_quantiles, alike, fill_stats, rename_features, view_of
from trainer.recordings.recording import V21
from trainer.recordings.statistics import cameras_without

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trainer.recordings.recording import Recording
    from trainer.recordings.work import Work


def make_dataset(work: Work, staging: Path) -> Path:
    """The dataset, in a folder under `staging`. Parts that need no change are links to the mounted files."""
    with _offline():
        parts = [_part(recording, staging / f"part-{index}") for index, recording in enumerate(work.recordings)]
        for part, recording in zip(parts, work.recordings, strict=True):
            alike(part, recording.fps)
            fill_stats(part, cameras_without(recording))
        made = parts[0] if len(parts) == 1 else _merged(parts, staging / "merged")
        if work.features:
            rename_features(made, work.features)
        if work.quantiles:
            add_quantiles(made)
    return made


def _part(recording: Recording, folder: Path) -> Path:
    if recording.version != V21:
        return view_of(recording.root, folder)
    from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset  # noqa: PLC0415

    # The converter renames the folder that it is given and writes beside it: it gets a link to the mounted one.
    folder.symlink_to(recording.root, target_is_directory=True)
    convert_dataset(repo_id=f"local/{folder.name}", root=folder, push_to_hub=False, force_conversion=True)
    # It leaves behind what it does not know: what annotations were reckoned from.
    for kept in (recording.root / "meta").glob("temporal_proportions_*.json"):
        shutil.copyfile(kept, folder / "meta" / kept.name)
    return folder


def _merged(parts: Sequence[Path], folder: Path) -> Path:
    from lerobot.datasets.aggregate import aggregate_datasets  # noqa: PLC0415

    names = [f"local/{part.name}" for part in parts]
    aggregate_datasets(names, "local/merged", roots=list(parts), aggr_root=folder)
    return folder


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """LeRobot must look for nothing on the Hub, and its bars of progress do not belong in a log."""
    before = {name: os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TQDM_DISABLE")}
    os.environ.update(dict.fromkeys(before, "1"))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

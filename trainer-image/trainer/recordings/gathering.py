"""The one dataset that is trained on: what a job names, converted, merged and renamed where that is needed, and only there.

Made once, in stage prepare, under `<workspace>/recordings/<digest>`, put in place by one rename, and found again by its
digest. What needs no change is not copied: then the root is the mounted folder itself, which is never written to.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import Broken
from trainer.recordings.cameras import cameras_of, plan_cameras
from trainer.recordings.permissions import allowed
from trainer.recordings.policies import policy_of
from trainer.recordings.reading import read_recording
from trainer.recordings.recording import ACTION, STATE
from trainer.recordings.room import check_room
from trainer.recordings.selection import select_episodes
from trainer.recordings.statistics import lacks_quantiles
from trainer.recordings.unseen import with_unseen
from trainer.recordings.work import Work
from trainer.workspace.durability import make_readable, sync
from trainer.workspace.jsonfile import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.recordings.recording import Recording
    from trainer.recordings.selection import Selection
    from trainer.workspace.layout import Workspace

MARKER: Final = "COMPLETE.json"
LOCK: Final = ".lock"
MAKING: Final = 1
"""Counts up when the same inputs are to become something else."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """One v3.0 dataset at `root`. Episodes by their number there; `train_episodes` None: all of them are trained on."""

    root: Path
    train_episodes: tuple[int, ...] | None
    validation_episodes: tuple[int, ...]


def gather(run: Run, workspace: Workspace) -> Gathered:
    """The dataset to train on, made now if it was not before. UserError as in reading; WorkspaceFull."""
    train = tuple(read_recording(each) for each in run.datasets if each.split == "train")
    validation = tuple(read_recording(each) for each in run.datasets if each.split == "validation")
    work = work_of(run, (*train, *validation))
    selection = select_episodes(run, train, validation)
    if work.is_none:
        return _gathered(train[0].root, selection, work)
    shelf = workspace.root / "recordings"
    folder = shelf / digest_of_work(work)
    if not _is_complete(folder):
        # Without a stage prepare the processes of a training come here all at once.
        with _alone(shelf):
            if not _is_complete(folder):
                check_room(work, workspace.root)
                _make(work, shelf, folder)
    return _gathered(folder, selection, work)


def digest_of_work(work: Work) -> str:
    """What tells one making from another: the metadata's content, the names and sizes of all other files, the changes."""
    changes = f"{MAKING} {sorted(work.features.items())} {work.quantiles}"
    kept = hashlib.sha256(" ".join((changes, *work.unmeasured)).encode())
    for recording in work.recordings:
        for path in sorted(each for each in recording.root.rglob("*") if each.is_file()):
            name = str(path.relative_to(recording.root))
            with allowed(recording.dataset, recording.root, name):
                content = (
                    hashlib.sha256(path.read_bytes()).hexdigest() if name.startswith("meta/") else path.stat().st_size
                )
            kept.update(f"{name} {content}\n".encode())
    return kept.hexdigest()[:32]


def work_of(run: Run, recordings: Sequence[Recording]) -> Work:
    """What the job's policy, cameras and settings ask for. UserError (CamerasInvalid) where cameras do not fit."""
    policy = policy_of(run.model, run.hyperparameters.extra)
    if policy is None:
        return Work(tuple(recordings), {}, quantiles=False)
    plan = plan_cameras(cameras_of(run, policy), policy, recordings[0])
    keys = [key for key in (STATE, ACTION) if key in recordings[0].features]
    quantiles = any(lacks_quantiles(each, keys, policy.quantiles) for each in recordings)
    return Work(tuple(with_unseen(each, run, policy, plan) for each in recordings), plan.features, quantiles)


def _gathered(root: Path, selection: Selection, work: Work) -> Gathered:
    every = sum(len(each.episodes) for each in work.recordings)
    train = None if len(selection.train) == every else selection.train
    return Gathered(root, train, selection.validation)


@contextmanager
def _alone(shelf: Path) -> Iterator[None]:
    """Wait until no other process makes a dataset there."""
    shelf.mkdir(parents=True, exist_ok=True)
    with (shelf / LOCK).open("w") as file:
        # A volume without locks: the operator lets one attempt write at a time.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_complete(folder: Path) -> bool:
    """Whether it was finished, and what it points to in the mounted folders is still there."""
    links = [each for each in (folder, *folder.glob("*"), *folder.glob("videos/*")) if each.is_symlink()]
    return bool(read_json(folder / MARKER)) and all(each.exists() for each in links)


def _make(work: Work, shelf: Path, folder: Path) -> None:
    # LeRobot and torch take seconds to import: only for those who need them.
    from trainer.recordings.making import make_dataset  # noqa: PLC0415

    staging = shelf / f".making-{folder.name}"
    for leftover in (staging, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    made = make_dataset(work, staging)
    frames, episodes = _counts(made)
    wanted = sum(each.frames for each in work.recordings), sum(len(each.episodes) for each in work.recordings)
    if (frames, episodes) != wanted:
        problem = (
            f"the merged dataset has {episodes} episodes and {frames} frames, must have {wanted[1]} and {wanted[0]}"
        )
        raise Broken("MergeIncomplete", problem)
    for path in made.rglob("*"):
        if not path.is_symlink():
            make_readable(path)  # LeRobot leaves videos to their user alone, and the next pod may be another
    write_json(made / MARKER, {"episodes": episodes, "frames": frames})
    made.rename(folder)
    sync(shelf)
    shutil.rmtree(staging, ignore_errors=True)


def _counts(root: Path) -> tuple[int, int]:
    info = read_json(root / "meta" / "info.json")
    frames, episodes = info.get("total_frames"), info.get("total_episodes")
    return (frames if isinstance(frames, int) else 0), (episodes if isinstance(episodes, int) else 0)

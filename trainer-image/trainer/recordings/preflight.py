"""Everything about recordings, cameras and episodes that can be known on CPU before a GPU is taken.

Metadata are looked at wholly, values and pictures in a sample that is named in what is returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.contract.report import MOST_WARNINGS, Report
from trainer.failures import UserError
from trainer.recordings.cameras import cameras_of, plan_cameras
from trainer.recordings.findings import keep_findings
from trainer.recordings.found import Preflight
from trainer.recordings.likeness import check_alike
from trainer.recordings.part import clips_here, rows_here, whole_here
from trainer.recordings.permissions import allowed
from trainer.recordings.pictures import PicturesSeen, check_pictures, check_spans, check_whole
from trainer.recordings.policies import policy_of
from trainer.recordings.reading import read_recording
from trainer.recordings.recording import ACTION, STATE, V21
from trainer.recordings.requests import check_asked, check_picture_quantiles, check_sizes
from trainer.recordings.rows import RowsSeen, check_rows
from trainer.recordings.selection import Selection, episodes_of, select_episodes
from trainer.recordings.statistics import cameras_without, check_stats
from trainer.recordings.unseen import explained, shown_remarks, with_unseen
from trainer.recordings.warnings import warnings_of
from trainer.workspace.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.contract.run import Run
    from trainer.recordings.recording import Recording

FORMAT: Final = "lerobot"


def check_recordings(run: Run) -> Preflight:
    """Look at all datasets of a job, or at the one of stage inspect. UserError names file, episode, key and remedy.

    In stage prepare the numbers and the contact sheet are kept in the workspace, which must be writable.
    """
    policy = policy_of(run.model, run.hyperparameters.extra) if run.stage != "inspect" else None
    for dataset in run.datasets:
        check_asked(dataset)
    train = tuple(read_recording(each) for each in run.datasets if each.split == "train")
    validation = tuple(read_recording(each) for each in run.datasets if each.split == "validation")
    check_alike((*train, *validation))
    cameras = plan_cameras(cameras_of(run, policy), policy, train[0]) if policy else None
    if policy and cameras:
        check_sizes(policy, train[0])
        check_picture_quantiles(policy, cameras.used, (*train, *validation))
    selection = select_episodes(run, train, validation)
    if policy and cameras:
        train = tuple(with_unseen(each, run, policy, cameras) for each in train)
        validation = tuple(with_unseen(each, run, policy, cameras) for each in validation)
    rows, pictures = zip(*(_looked_at(each) for each in (*train, *validation)), strict=True)
    warnings = (*warnings_of(train, policy, cameras), *_remarks((*train, *validation), rows, pictures))
    found = Preflight(
        train=train,
        validation=validation,
        policy=policy,
        cameras=cameras,
        selection=selection,
        rows=rows,
        pictures=pictures,
        report=_report(run, (*train, *validation), selection, warnings),
        warnings=warnings,
    )
    if run.stage == "prepare":
        keep_findings(found, run.workspace)
    return found


def _looked_at(recording: Recording) -> tuple[RowsSeen, PicturesSeen]:
    """Statistics, rows and pictures of one dataset."""
    # Those of a camera that nobody looks at are put in, but for v2.1, which is converted as it is.
    cameras = [key for key in recording.image_keys if recording.version == V21 or key not in recording.unseen]
    for key in (STATE, ACTION, *cameras):
        if key in recording.features:
            _check_stats(recording, key)
    if recording.dataset.sampled:
        # Whether all files are there was held against the store's listing.
        rows = check_rows(rows_here(recording))
        check_spans(clips_here(recording))
        return rows, check_pictures(recording, recording.image_keys, whole_here(recording))
    rows = check_rows(recording)
    check_whole(recording)
    check_spans(recording)
    return rows, check_pictures(recording, recording.image_keys, episodes_of(recording))


def _check_stats(recording: Recording, key: str) -> None:
    try:
        check_stats(recording, key)
    except UserError as error:
        raise explained(recording, key, error) from error


def _remarks(
    recordings: Sequence[Recording], rows: Sequence[RowsSeen], pictures: Sequence[PicturesSeen]
) -> Iterator[str]:
    """Warnings about what nobody looks at."""
    for recording, told, shown in zip(recordings, rows, pictures, strict=True):
        missing = [f"meta/stats.json has nothing sound of {key}" for key in cameras_without(recording)]
        yield from shown_remarks(recording, (*shown.remarks, *missing, *told.remarks))


def _digest(recording: Recording) -> str:
    """Over what was read wholly: the metadata. Videos may be terabytes."""
    files = sorted(each for each in (recording.root / "meta").rglob("*") if each.is_file())
    for each in files:
        with allowed(recording.dataset, recording.root, str(each.relative_to(recording.root))), each.open("rb"):
            pass
    return digest_of({str(each.relative_to(recording.root)): each for each in files})


def _report(run: Run, recordings: tuple[Recording, ...], selection: Selection, warnings: tuple[str, ...]) -> Report:
    lengths = [episode.length for recording in recordings for episode in recording.episodes]
    frames = sum(lengths[index] for index in selection.train)
    first = recordings[0]
    return Report(
        rows=len(selection.train),
        sequences=frames,
        validation_rows=len(selection.validation),
        format=FORMAT,
        digest=_digest(first) if run.stage == "inspect" else "",
        episodes=len(selection.train),
        frames=frames,
        fps=first.fps,
        image_keys=first.image_keys,
        state_dim=first.state_dim,
        action_dim=first.action_dim,
        warnings=warnings[:MOST_WARNINGS],
    )

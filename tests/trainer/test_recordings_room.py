"""What checkpoints need on a volume and decoded frames in memory: told, warned of, and refused where it is certain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.recordings_on_disk import write_recording
from trainer.contract.sources import Dataset
from trainer.failures import UserError
from trainer.recordings.findings import FOLDER, NUMBERS, add_to_findings
from trainer.recordings.frames_ahead import FramesAhead, frame_bytes, memory_limit
from trainer.recordings.reading import read_recording
from trainer.recordings.room import Checkpoints, check_checkpoints

GIB = 2**30
PI0 = Checkpoints(parameters=3_000_000_000, weight_bytes=2, kept=2)


def test_a_volume_that_holds_not_one_checkpoint_is_refused_with_both_numbers() -> None:
    with pytest.raises(UserError) as refused:
        check_checkpoints(PI0, 5 * GIB)
    assert (refused.value.code, refused.value.param) == ("WorkspaceFull", "spec.output")
    assert "5.6 GiB of weights, and 5.0 GiB are free" in refused.value.message


def test_a_volume_that_may_be_too_small_is_warned_of_and_one_that_is_not_is_not() -> None:
    warning = check_checkpoints(PI0, 50 * GIB)
    assert "may need 89.4 GiB" in warning
    assert "keepLast" in warning
    assert check_checkpoints(PI0, 90 * GIB) == ""


def test_frames_of_videos_take_a_byte_for_each_colour_and_pictures_of_tables_four(tmp_path: Path) -> None:
    sizes = {}
    for videos in (True, False):
        folder = write_recording(tmp_path / str(videos), videos=videos)
        sizes[videos] = frame_bytes(read_recording(Dataset("d", "train", "pvc://d", folder, "spec.datasets[0]")))
    assert sizes == {True: 2 * 32 * 32 * 3, False: 2 * 32 * 32 * 3 * 4}


def test_frames_that_will_hardly_fit_are_warned_of_by_the_settings_that_help() -> None:
    ahead = FramesAhead(frame_bytes=3 * 480 * 640 * 3, rows=8, workers=8, processes=8)
    assert ahead.held_bytes == 8 * (8 * 4 + 1) * 8 * 3 * 480 * 640 * 3
    assert "8 x 8 workers x 4 batches of 8 frames, 2.6 MiB each); this pod may use 8.0 GiB" in ahead.told(8 * GIB)
    assert "num_workers" in ahead.warning(8 * GIB)
    assert ahead.warning(64 * GIB) == ""
    assert ahead.warning(None) == ""
    assert "may use" not in ahead.told(None)


@pytest.mark.parametrize(
    ("texts", "limit"),
    [
        (["17179869184\n"], 17179869184),
        (["max\n"], None),
        ([None, "1024"], 1024),
        ([None, "9223372036854771712"], None),
        ([None, None], None),
    ],
)
def test_the_limit_of_the_pod_is_read_from_either_kind_of_cgroup(
    tmp_path: Path, texts: list[str | None], limit: int | None
) -> None:
    places = [tmp_path / str(index) for index in range(len(texts))]
    for place, text in zip(places, texts, strict=True):
        if text is not None:
            place.write_text(text)
    assert memory_limit(places) == limit


def test_what_is_known_later_is_added_to_the_numbers(tmp_path: Path) -> None:
    add_to_findings(tmp_path, "disk", {"freeBytes": 1})
    add_to_findings(tmp_path, "disk", {"gatheredBytes": 2})
    kept = json.loads((tmp_path / FOLDER / NUMBERS).read_text())
    assert kept == {"disk": {"freeBytes": 1, "gatheredBytes": 2}}

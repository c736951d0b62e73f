"""The picture that a published model shows of its cameras: a frame of each, above the slot that it feeds."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Final

from trainer.failures import StageEnd
from trainer.recordings.contact_sheet import draw_sheet
from trainer.recordings.findings import FOLDER, NUMBERS, SHEET, slots_of
from trainer.recordings.pictures import check_pictures
from trainer.recordings.reading import read_recording
from trainer.recordings.selection import episodes_of
from trainer.workspace.jsonfile import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.contract.run import Run
    from trainer.recordings.cameras import CameraPlan

PICTURE: Final = "cameras.png"
SENTENCE: Final = (
    f"`{PICTURE}` shows a frame of each camera of the recordings, and below it the slot that the camera feeds."
)


def put_camera_picture(run: Run, plan: CameraPlan, folder: Path) -> bool:
    """Write the picture into `folder`. False when there is none, which is told in the log and ends nothing."""
    try:
        sheet = _kept_sheet(run, plan)
        if sheet is not None:
            shutil.copyfile(sheet, folder / PICTURE)
        else:
            _draw(run, plan, folder / PICTURE)
    except (StageEnd, OSError, ValueError) as error:
        # A model that was trained for hours is not lost over how its page looks.
        (folder / PICTURE).unlink(missing_ok=True)
        print(f"the model's page goes without a picture of the cameras: {error}", flush=True)
        return False
    return True


def shown_cameras(*, pictured: bool) -> Sequence[str]:
    """Lines of a model's page, if the picture lies beside it."""
    return ("", SENTENCE, "", f"![Cameras and slots]({PICTURE})") if pictured else ()


def _kept_sheet(run: Run, plan: CameraPlan) -> Path | None:
    """What stage prepare has drawn of these very datasets and slots, if it ran."""
    kept = run.workspace / FOLDER
    told = read_json(kept / NUMBERS)
    listed = told.get("datasets")
    uris = [each.get("uri") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    alike = sorted(map(str, uris)) == sorted(each.uri for each in run.datasets) and told.get("slots") == slots_of(plan)
    return kept / SHEET if alike and (kept / SHEET).is_file() else None


def _draw(run: Run, plan: CameraPlan, file: Path) -> None:
    """The same of the first dataset's first episode alone."""
    found = read_recording(next(each for each in run.datasets if each.split == "train"))
    recording = dataclasses.replace(found, unseen=frozenset(plan.unused))
    pictures = check_pictures(recording, recording.image_keys, episodes_of(recording)[:1])
    draw_sheet([(recording, pictures)], plan).save(file, "PNG")

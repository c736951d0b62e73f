"""What the preflight found, kept beside the job's work: the numbers as JSON, and the contact sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.recordings.contact_sheet import draw_sheet
from trainer.recordings.frames_ahead import BATCHES, frame_bytes
from trainer.recordings.room import bytes_of, free_bytes
from trainer.workspace.jsonfile import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.recordings.cameras import CameraPlan
    from trainer.recordings.found import Preflight
    from trainer.recordings.pictures import PicturesSeen
    from trainer.recordings.recording import Recording
    from trainer.recordings.rows import RowsSeen

FOLDER: Final = "preflight"
SHEET: Final = "contact-sheet.png"
NUMBERS: Final = "report.json"


def keep_findings(preflight: Preflight, root: Path) -> Path:
    """Write both under `root`, a workspace; returns their folder. OSError when the volume refuses."""
    folder = root / FOLDER
    write_json(folder / NUMBERS, numbers_of(preflight, free_bytes(root)))
    partial = folder / f".{SHEET}"
    seen = list(zip(preflight.recordings, preflight.pictures, strict=True))
    draw_sheet(seen, preflight.cameras).save(partial, "PNG")
    partial.replace(folder / SHEET)
    return folder


def add_to_findings(root: Path, section: str, numbers: Mapping[str, object]) -> None:
    """Add what is known later, under a key of the numbers that are kept."""
    file = root / FOLDER / NUMBERS
    kept = read_json(file)
    before = kept.get(section)
    write_json(file, {**kept, section: {**(before if isinstance(before, dict) else {}), **numbers}})


def numbers_of(preflight: Preflight, free: int) -> dict[str, object]:
    """The numbers, and of what they are a sample. `free` bytes are left on the volume."""
    plan, selection = preflight.cameras, preflight.selection
    looked = zip(preflight.recordings, preflight.rows, preflight.pictures, strict=True)
    return {
        "datasets": [_of_one(*each) for each in looked],
        "trainEpisodes": len(selection.train),
        "validationEpisodes": len(selection.validation),
        "trainFrames": preflight.report.frames,
        "slots": slots_of(plan) if plan else [],
        "notLookedAt": list(plan.unused) if plan else [],
        "disk": {"freeBytes": free, "datasetBytes": sum(map(bytes_of, preflight.recordings))},
        "memory": {"frameBytes": max(map(frame_bytes, preflight.recordings)), "batchesAheadOfEachWorker": BATCHES},
        "warnings": list(preflight.warnings),
    }


def slots_of(plan: CameraPlan) -> list[dict[str, object]]:
    """Which camera feeds which slot; None: a masked picture."""
    return [
        {"slot": view.slot, "policyKey": view.policy_key, "datasetKey": view.dataset_key or None} for view in plan.views
    ]


def _of_one(recording: Recording, rows: RowsSeen, pictures: PicturesSeen) -> dict[str, object]:
    return {
        "uri": recording.dataset.uri,
        "split": recording.dataset.split,
        "version": recording.version,
        "robot": recording.robot_type,
        "fps": recording.fps,
        "episodes": len(recording.episodes),
        "frames": recording.frames,
        "tasks": list(recording.tasks[:16]),
        "stateNumbers": recording.state_dim,
        "actionNumbers": recording.action_dim,
        "cameras": {
            key: {"shape": list(each.shape), "names": list(each.names), "kept": each.dtype, "depth": each.depth}
            for key, each in recording.features.items()
            if each.is_camera
        },
        "lookedAt": {
            "tables": rows.tables,
            "tablesRead": rows.tables_read,
            "rows": rows.rows,
            "rowsRead": rows.rows_read,
            "framesDecoded": pictures.frames,
            "episodesDecoded": list(pictures.episodes),
        },
    }

"""What prepare found, in the status: bounded, so that the worst robot job stays below what a resource may have."""

from __future__ import annotations

import json
from typing import Final

import pytest

from finetune_operator.api.crd import FINETUNEJOB
from finetune_operator.api.model import Json
from finetune_operator.api.status import FineTuneJobStatus, Report
from finetune_operator.planning.report import ROOM, bounded
from tests.support.filled import ROBOT_JOB
from tests.support.filled_status import FOR_THOSE_WHO_CHOOSE, LANGUAGE_STATUS, ROBOT_STATUS
from tests.support.trial import manifest
from tests.unit.api.test_sizes import LARGEST_JOB, METADATA
from tests.unit.planning.scene import a_job, ended, resolved_for, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life

CAMERAS: Final = tuple(f"observation.images.camera_{number:02}" for number in range(16))
LONG: Final = "episode 17: the camera was covered by the arm for as long as the gripper was closed; " * 5
ROBOT: Final[Json] = {
    "jobType": "vla",
    "model": {"name": "org/policy", "type": "smolvla"},
    "datasets": [{"name": "a", "uri": "hf://org/shirts"}],
    "cameraMappings": {f"camera_{number}": key for number, key in enumerate(CAMERAS[:5])},
}


def report(**more: object) -> Report:
    """A report of a robot's dataset."""
    return Report(rows=206, tokens=0, episodes=206, frames=25_650, fps=10, **more)


def test_what_fits_stays_as_it_was_said() -> None:
    found = report(warnings=("one", LONG[:300]), image_keys=CAMERAS)
    assert bounded(found, None) == found


def test_warnings_share_the_room_there_is() -> None:
    told = bounded(report(warnings=(LONG,) * 7 + ("short",)), None).warnings
    assert sum(map(len, told)) <= ROOM
    assert told[0] == LONG[: ROOM // 8 - 1] + "…"
    assert told[-1] == "short"


@pytest.mark.parametrize(
    ("keys", "kept"),
    [(CAMERAS[:5], None), (CAMERAS[:6], CAMERAS[:6]), (CAMERAS[:4], CAMERAS[:4]), ((), ()), (None, None)],
    ids=["all have a slot", "one has none", "they are few", "there are none", "it is no robot"],
)
def test_many_cameras_are_not_said_twice(keys: tuple[str, ...] | None, kept: tuple[str, ...] | None) -> None:
    assert bounded(report(image_keys=keys), resolved_for(a_job(ROBOT))).image_keys == kept


def test_the_status_has_it_so() -> None:
    life = Life(ROBOT)
    life.visit(stage_job("prepare"), running_pod("prepare"))
    found: Json = {"rows": 206, "tokens": 0, "imageKeys": CAMERAS[:5], "warnings": [LONG] * 8}
    word = verdict(stage="prepare", report=found)
    told = life.visit(ended("prepare", message=word), now=9).status.report
    assert told is not None
    assert (told.rows, told.image_keys, len(told.warnings)) == (206, None, 8)
    assert sum(map(len, told.warnings)) <= ROOM


def test_a_robot_with_sixteen_cameras_and_eight_long_warnings_stays_below_ten_kilobytes() -> None:
    """With all that stands in the status of one that has succeeded, an attempt that was lost on the way among it."""
    spec = {name: value for name, value in ROBOT_JOB.items() if name != "podTemplate"}
    spec |= {"cameraMappings": {f"camera_{n:02}": key for n, key in enumerate(CAMERAS)}}
    hardware = ROBOT_STATUS["resolved"]["instanceType"]
    resolved = ROBOT_STATUS["resolved"] | {
        "cameras": [{"slot": key[-9:], "datasetKey": key} for key in CAMERAS],
        "instanceType": {name: value for name, value in hardware.items() if name not in FOR_THOSE_WHO_CHOOSE},
    }
    wire = LANGUAGE_STATUS | {"checkpoints": ROBOT_STATUS["checkpoints"], "resolved": resolved}
    status = FineTuneJobStatus.model_validate(wire)
    found = bounded(report(warnings=(LONG,) * 8, image_keys=CAMERAS), status.resolved)
    told = status.model_copy(update={"report": found}).wire()
    body = manifest(FINETUNEJOB, "x", spec) | {"metadata": METADATA, "status": told}
    assert len(json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()) < LARGEST_JOB

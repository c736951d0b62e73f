"""Requests that a dataset or a policy cannot meet: each is refused on CPU, naming what is there, and a remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.trainer.recording_faults import Case, feature, is_told_well, refusal_of
from tests.trainer.recordings_on_disk import SIDE, TOP, WRIST
from tests.trainer.robot_runs import slots

CASES: Final[dict[str, Case]] = {
    # ---- cameras -----------------------------------------------------------------------------------------------
    "a key with a typo": Case(
        "CamerasInvalid",
        ("cam_1", "observation.images.tpo", f"Did you mean '{TOP}'"),
        "dataset's own keys",
        asks={"cameras": slots(cam_1="observation.images.tpo")},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "one camera for two slots": Case(
        "CamerasInvalid",
        ("cam_1", "cam_2", TOP),
        "masked",
        asks={"cameras": slots(cam_1=TOP, cam_2=TOP)},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "a slot too many": Case(
        "CamerasInvalid",
        ("4 slots", "camera3"),
        "Leave out",
        asks={"cameras": [*slots(cam_1=TOP), {"slot": "cam_4", "datasetKey": WRIST}]},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "a slot that the policy has not": Case(
        "CamerasInvalid",
        ("slot front", "the policy has no camera front"),
        "slot of the model",
        asks={"cameras": [{"slot": "front", "datasetKey": TOP}]},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "no slot mapped": Case(
        "CamerasInvalid",
        ("at least one camera",),
        "Map a slot",
        asks={"cameras": slots()},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "no mapping, other names": Case(
        "CamerasInvalid",
        ("no cameras are mapped", TOP, "camera1"),
        "Map the slots",
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "a state for a camera": Case(
        "CamerasInvalid",
        ("observation.state is no camera",),
        TOP,
        asks={"cameras": slots(cam_1="observation.state")},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "a depth camera": Case(
        "CamerasInvalid",
        ("cam_1", TOP, "depth"),
        WRIST,
        feature(TOP, info={"is_depth_map": True}),
        asks={"cameras": slots(cam_1=TOP)},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "a camera that takes another's name": Case(
        "CamerasInvalid",
        ("cam_1", TOP, "camera1", "very name"),
        "Map",
        plan={"cameras": (TOP, "observation.images.camera1")},
        asks={"cameras": slots(cam_1=TOP)},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "the order of the channels": Case(
        "CamerasInvalid",
        (TOP, "3 x 32 x 32", "channels, height, width"),
        "one order",
        feature(TOP, shape=[3, 32, 32]),
        param="spec.cameraMappings",
    ),
    "four channels": Case(
        "CamerasInvalid", (TOP, "four channels"), "RGB", feature(TOP, shape=[32, 32, 4]), param="spec.cameraMappings"
    ),
    "a camera of two dimensions": Case("DatasetInvalid", (TOP, "32 x 32"), "", feature(TOP, shape=[32, 32])),
    "a camera without names": Case("DatasetInvalid", (TOP, "names"), "height", feature(TOP, names=None)),
    "no camera at all": Case(
        "CamerasInvalid", ("no camera",), "camera", plan={"cameras": ()}, param="spec.cameraMappings"
    ),
    "several cameras for a reward model": Case(
        "CamerasInvalid", ("one camera", TOP, WRIST), "Map", model="sarm", param="spec.cameraMappings"
    ),
    # ---- what is asked -----------------------------------------------------------------------------------------
    "too many actions": Case(
        "DatasetUnsupported",
        ("action has 40 numbers", "at most 32"),
        "act",
        plan={"action": 40},
        asks={"cameras": slots(cam_1=TOP)},
        model="smolvla",
    ),
    "too large a state": Case(
        "DatasetUnsupported", ("observation.state has 21", "at most 20"), "act", plan={"state": 21}, model="wall_oss"
    ),
    "no state": Case(
        "DatasetUnsupported", ("observation.state", "wall_oss"), "act", plan={"state": None}, model="wall_oss"
    ),
    "episodes that are not there": Case(
        "EpisodesInvalid",
        ("episodes 0 to 2", "1-9"),
        "up to 2",
        asks={"episodes": "0,1-9"},
        param="spec.datasets[0].episodes",
    ),
    "episodes counted backwards": Case(
        "EpisodesInvalid", ("'2-0'",), "0-2", asks={"episodes": "2-0"}, param="spec.datasets[0].episodes"
    ),
    "nothing left to train on": Case(
        "EpisodesInvalid",
        ("1 of 1 episode", "none is left"),
        "more episodes",
        asks={"episodes": "1", "evaluation": {"fraction": 0.2}},
        param="spec.evaluation.fraction",
    ),
    "a weight": Case(
        "DatasetUnsupported", ("weight 2",), "Leave it out", asks={"weight": 2}, param="spec.datasets[0].weight"
    ),
    "files": Case(
        "DatasetUnsupported",
        ("data/a.parquet",),
        "episodes",
        asks={"files": ["data/a.parquet"]},
        param="spec.datasets[0].files",
    ),
    "the format of language": Case(
        "DatasetUnsupported", ("format chat",), "LeRobot", asks={"format": "chat"}, param="spec.datasets[0].format"
    ),
    # ---- several datasets --------------------------------------------------------------------------------------
    "two robots": Case(
        "DatasetsDiffer", ("'aloha'", "'so100'"), "one of them", second={"robot": "aloha"}, param="spec.datasets[1].uri"
    ),
    "two rates": Case("DatasetsDiffer", ("fps 20", "10"), "alike", second={"fps": 20}, param="spec.datasets[1].uri"),
    "other cameras": Case(
        "DatasetsDiffer", (WRIST, SIDE), "alike", second={"cameras": (TOP, SIDE)}, param="spec.datasets[1].uri"
    ),
    "other joints": Case(
        "DatasetsDiffer", ("action", "shape 7", "shape 6"), "alike", second={"action": 7}, param="spec.datasets[1].uri"
    ),
    "one with videos, one without": Case(
        "DatasetsDiffer", (TOP, "video", "image"), "alike", second={"videos": True}, param="spec.datasets[1].uri"
    ),
    "the second is broken": Case(
        "DatasetNotFound",
        ("pvc://data/second", "meta/info.json"),
        "meta/",
        lambda folder: (folder.parent / "second/meta/info.json").unlink(),
        second={},
        param="spec.datasets[1].uri",
    ),
    # ---- the policy --------------------------------------------------------------------------------------------
    "a policy of another type": Case(
        "ModelUnsupported",
        ("pi0", "smolvla"),
        "spec.model.type to pi0",
        policy=("pi0", [], {}),
        param="spec.model.type",
        model="smolvla",
    ),
    "a model that is no policy": Case(
        "ModelUnsupported",
        ("no policy", "smolvla"),
        "smolvla",
        policy=(None, [], {}),
        param="spec.model.type",
        model="smolvla",
    ),
    "a camera that this policy has not": Case(
        "CamerasInvalid",
        ("camera1", "observation.images.front"),
        "slot of the model",
        policy=("smolvla", ["observation.images.front"], {}),
        asks={"cameras": slots(cam_1=TOP)[:1]},
        param="spec.cameraMappings",
        model="smolvla",
    ),
    "fewer numbers than usual": Case(
        "DatasetUnsupported",
        ("action has 6 numbers", "at most 4"),
        "act",
        policy=("smolvla", ["observation.images.camera1"], {"max_action_dim": 4}),
        asks={"cameras": slots(cam_1=TOP)[:1]},
        model="smolvla",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_with_what_is_wrong_and_what_to_do(tmp_path: Path, case: Case) -> None:
    is_told_well(refusal_of(tmp_path, case), case, tmp_path)

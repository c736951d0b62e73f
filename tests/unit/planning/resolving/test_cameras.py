"""Camera slots: the policy's own order, with every slot at its place."""

from __future__ import annotations

import pytest

from finetune_operator.api.model import Json
from tests.unit.planning.resolving.shop import MODELS, accepts, admitted, refused, robot_of, shop

TOP, WRIST = "observation.images.top", "observation.images.wrist"
UNLISTED = {"type": "smolvla", "name": "me/my-own"}


def cameras(**fields: object) -> list[Json]:
    """The slots of a robot job as they are recorded."""
    return [each.wire() for each in admitted(robot_of(instanceType="large", **fields)).resolved.cameras]


def test_a_slot_that_is_left_out_stays_at_its_place() -> None:
    assert cameras(cameraMappings={"cam_3": TOP, "cam_1": WRIST}) == [
        {"slot": "cam_1", "policyKey": "observation.images.camera1", "datasetKey": WRIST},
        {"slot": "cam_2", "policyKey": "observation.images.camera2"},
        {"slot": "cam_3", "policyKey": "observation.images.camera3", "datasetKey": TOP},
    ]


def test_a_policy_without_slots_takes_the_jobs_by_name() -> None:
    found = cameras(model={"type": "act"}, cameraMappings={"wrist": WRIST, "top": TOP})
    assert found == [{"slot": "top", "datasetKey": TOP}, {"slot": "wrist", "datasetKey": WRIST}]


def test_an_unknown_slot_is_refused_with_the_nearest() -> None:
    assert refused(robot_of(cameraMappings={"cam1": TOP})).message == (
        "spec.cameraMappings: the model has no slot 'cam1'; did you mean 'cam_1'?; slots: cam_1 (camera1), cam_2 (camera2), cam_3 (camera3)"
    )


@pytest.mark.parametrize("name", ["cam_2", "camera2", "observation.images.camera2"])
def test_a_slot_is_named_as_the_catalog_or_as_the_policy_does(name: str) -> None:
    assert [each.get("datasetKey") for each in cameras(cameraMappings={name: TOP})] == [None, TOP, None]


def test_the_nearest_may_be_one_of_the_policys_own_names() -> None:
    message = refused(robot_of(cameraMappings={"observation.images.camara2": TOP})).message
    assert "did you mean 'observation.images.camera2'?" in message


def test_one_slot_under_two_names_is_refused() -> None:
    assert refused(robot_of(cameraMappings={"camera1": WRIST, "cam_1": TOP})).message == (
        "spec.cameraMappings: camera1 and cam_1 are names of one slot, cam_1: give one of them"
    )


def test_a_required_slot_must_be_mapped() -> None:
    sarm = {"jobType": "reward", "model": {"type": "sarm"}, "instanceType": "small"}
    assert refused(robot_of(**sarm, cameraMappings=None)).message == (
        "spec.cameraMappings: the model needs the slot 'cam_1'; slots: cam_1"
    )
    assert accepts(robot_of(**sarm))


def test_without_a_mapping_the_policy_takes_the_datasets_keys_with_a_warning() -> None:
    plan = admitted(robot_of(cameraMappings=None))
    assert plan.resolved.cameras == ()
    assert plan.warnings == (
        "spec.cameraMappings: none: the policy takes the dataset's keys as they are; its slots: cam_1 (camera1), cam_2 (camera2), cam_3 (camera3)",
    )


def test_a_policy_that_is_not_listed_has_the_slots_of_its_type() -> None:
    assert [each["policyKey"] for each in cameras(model=UNLISTED)] == [
        f"observation.images.camera{number}" for number in (1, 2, 3)
    ]


def test_or_slots_of_its_own_with_a_warning() -> None:
    plan = admitted(robot_of(model=UNLISTED, instanceType="large", cameraMappings={"image": TOP}), shop(models=MODELS))
    assert [each.wire() for each in plan.resolved.cameras] == [{"slot": "image", "datasetKey": TOP}]
    assert plan.warnings == (
        "spec.cameraMappings: image: taken for keys of the policy; smolvla has cam_1 (camera1), cam_2 (camera2), cam_3 (camera3)",
    )

"""Cameras of a dataset and slots of a policy: the plan for each type, and which episodes go where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.recordings_on_disk import SIDE, TOP, WRIST, write_recording
from tests.trainer.robot_runs import SMOLVLA_KEYS, policy_folder, robot_document, robot_run, slots
from trainer.contract.run import Run, parse_run
from trainer.failures import UserError
from trainer.recordings.cameras import CameraPlan, plan_cameras
from trainer.recordings.policies import policy_of
from trainer.recordings.preflight import check_recordings
from trainer.recordings.reading import read_recording
from trainer.recordings.selection import Selection, select_episodes

ONE, TWO, THREE = SMOLVLA_KEYS


def plan_of(run: Run) -> CameraPlan:
    policy = policy_of(run.model)
    assert policy is not None
    return plan_cameras(run.cameras, policy, read_recording(run.datasets[0]))


def plan(
    folder: Path, cameras: Sequence[Any] = (), model: str = "smolvla", keys: tuple[str, ...] = (TOP, WRIST)
) -> CameraPlan:
    data = write_recording(folder / "d", cameras=keys)
    return plan_of(robot_run(folder / "w", [data], model, cameras=list(cameras)))


def test_pretrained_slots_are_renamed_and_those_left_out_masked_at_their_place(tmp_path: Path) -> None:
    found = plan(tmp_path, slots(cam_1=TOP, cam_3=WRIST))
    assert found.rename == {TOP: ONE, WRIST: THREE}
    assert (found.used, found.seen_as, found.masked) == ((TOP, WRIST), (ONE, THREE), (TWO,))
    assert [view.policy_key for view in found.views] == [ONE, TWO, THREE]


def test_slots_are_put_into_the_order_of_the_policy(tmp_path: Path) -> None:
    found = plan(tmp_path, list(reversed(slots(cam_1=TOP, cam_2=WRIST))))
    assert (found.used, found.masked) == ((TOP, WRIST), (THREE,))


def test_slots_that_are_not_mentioned_are_masked_too(tmp_path: Path) -> None:
    assert plan(tmp_path, slots(cam_2=TOP)[1:2]).masked == (ONE, THREE)


def test_names_that_agree_need_no_map(tmp_path: Path) -> None:
    found = plan(tmp_path, keys=(ONE, TWO, THREE))
    assert (found.rename, found.used, found.masked) == ({}, SMOLVLA_KEYS, ())


def test_cameras_whose_names_all_agree_are_taken_as_they_are_without_a_mapping(tmp_path: Path) -> None:
    found = plan(tmp_path, keys=(ONE, TWO))
    assert (found.rename, found.used, found.masked) == ({}, (ONE, TWO), (THREE,))


def test_names_that_agree_in_part_are_mapped_where_each_side_has_others(tmp_path: Path) -> None:
    """LeRobot would refuse them without a map."""
    found = plan(tmp_path, slots(cam_1=ONE), keys=(ONE, WRIST))
    assert (found.rename, found.masked, found.unused) == ({ONE: ONE}, (TWO, THREE), (WRIST,))


def test_two_cameras_may_change_places(tmp_path: Path) -> None:
    found = plan(tmp_path, slots(cam_1=TWO, cam_2=ONE), keys=(ONE, TWO))
    assert found.rename == {TWO: ONE, ONE: TWO}


def test_a_slot_that_is_left_out_does_not_find_a_camera_of_its_own_name(tmp_path: Path) -> None:
    found = plan(tmp_path, slots(cam_1=TOP), keys=(TOP, TWO))
    assert found.rename == {TOP: ONE, TWO: f"left_out.{TWO}"}
    assert found.masked == (TWO, THREE)


def test_a_policy_from_scratch_takes_the_keys_of_the_dataset(tmp_path: Path) -> None:
    found = plan(tmp_path, [{"slot": "eye", "datasetKey": WRIST}], "act")
    assert (found.rename, found.used, found.masked, found.unused) == ({}, (WRIST,), (), (TOP,))
    assert plan(tmp_path / "all", model="act").used == (TOP, WRIST)


def test_a_policy_that_reads_names_as_words_has_features_renamed(tmp_path: Path) -> None:
    cameras = [{"slot": "face_view", "datasetKey": TOP}, {"slot": "wrist", "datasetKey": WRIST}]
    found = plan(tmp_path, cameras, "wall_oss")
    assert (found.rename, found.features) == ({}, {TOP: "observation.images.face_view"})
    assert found.seen_as == ("observation.images.face_view", WRIST)


def test_a_policy_that_was_trained_elsewhere_has_the_cameras_of_its_own_configuration(tmp_path: Path) -> None:
    data = write_recording(tmp_path / "d", cameras=(TOP, WRIST, SIDE))
    path = policy_folder(tmp_path / "policy", "smolvla", ["observation.images.front", "observation.images.hand"])
    cameras = [{"slot": "hand", "datasetKey": WRIST}, {"slot": "observation.images.front", "datasetKey": SIDE}]
    model = {"name": "team/own", "type": "smolvla", "path": str(path)}
    document = {**robot_document(tmp_path / "w", [data], "smolvla", cameras=cameras), "model": model}
    found = plan_of(parse_run(document))
    assert found.rename == {SIDE: "observation.images.front", WRIST: "observation.images.hand"}
    assert found.unused == (TOP,)


def test_an_act_policy_that_is_trained_on_is_mapped_like_any_pretrained_one(tmp_path: Path) -> None:
    data = write_recording(tmp_path / "d")
    path = policy_folder(tmp_path / "policy", "act", ["observation.images.front"])
    model = {"name": "team/act", "type": "act", "path": str(path)}
    cameras = [{"slot": "front", "datasetKey": TOP}]
    found = plan_of(parse_run({**robot_document(tmp_path / "w", [data], cameras=cameras), "model": model}))
    assert found.rename == {TOP: "observation.images.front"}


@pytest.mark.parametrize("model", ["pi0", "pi05", "xvla"])
def test_the_other_pretrained_types_have_three_slots_as_well(tmp_path: Path, model: str) -> None:
    policy = policy_of(robot_run(tmp_path, [tmp_path], model).model)
    assert policy is not None
    found = plan(tmp_path, [{"slot": "cam_2", "policyKey": policy.keys[1], "datasetKey": TOP}], model)
    assert (found.rename, found.masked) == ({TOP: policy.keys[1]}, (policy.keys[0], policy.keys[2]))


def test_a_reward_model_looks_at_the_camera_that_is_named_for_it(tmp_path: Path) -> None:
    data = write_recording(tmp_path / "d")
    found = check_recordings(robot_run(tmp_path / "w", [data], "sarm", reward={"imageKey": WRIST}, jobType="reward"))
    assert found.cameras is not None
    assert (found.cameras.used, found.cameras.unused) == ((WRIST,), (TOP,))


# ---- episodes --------------------------------------------------------------------------------------------------------


def selected(folder: Path, lengths: Sequence[int], *of_datasets: dict[str, Any], **changes: Any) -> Selection:
    folders = [write_recording(folder / str(i), lengths=tuple(lengths)) for i in range(len(of_datasets))]
    document: Any = robot_document(folder / "w", folders, **changes)
    for place, more in zip(document["datasets"], of_datasets, strict=True):
        place.update(more)
    run = parse_run(document)
    read = {
        split: [read_recording(each) for each in run.datasets if each.split == split]
        for split in ("train", "validation")
    }
    return select_episodes(run, read["train"], read["validation"])


def test_episodes_are_numbers_and_ranges_of_their_dataset(tmp_path: Path) -> None:
    assert selected(tmp_path, [3] * 6, {"episodes": "4,0-2,1"}, {"episodes": "5"}).train == (0, 1, 2, 4, 11)


def test_a_dataset_for_validation_comes_after_all_that_is_trained_on(tmp_path: Path) -> None:
    found = selected(tmp_path, [3] * 2, {"split": "validation", "episodes": "1"}, {}, {}, evaluation={"fraction": 0.5})
    assert (found.train, found.validation) == ((0, 1, 2, 3), (5,))


def test_a_fraction_is_drawn_by_the_seed_and_is_the_same_each_time(tmp_path: Path) -> None:
    found = [selected(tmp_path / str(i), [3] * 10, {}, evaluation={"fraction": 0.25}) for i in range(2)]
    assert found[0] == found[1]
    assert len(found[0].validation) == 2
    assert sorted((*found[0].train, *found[0].validation)) == list(range(10))
    seeds = {
        selected(tmp_path / f"s{seed}", [3] * 10, {}, evaluation={"fraction": 0.1}, **seeded(seed)).validation
        for seed in range(6)
    }
    assert len(seeds) > 1


def seeded(seed: int) -> dict[str, Any]:
    hyperparameters = {"steps": 10, "batchSize": 2, "learningRate": 0.001, "seed": seed, "lora": {"enabled": False}}
    return {"hyperparameters": hyperparameters}


def test_however_small_the_fraction_one_episode_is_set_aside(tmp_path: Path) -> None:
    found = selected(tmp_path, [3] * 4, {}, evaluation={"fraction": 0.01})
    assert (len(found.train), len(found.validation)) == (3, 1)
    with pytest.raises(UserError, match="none is left to train on"):
        selected(tmp_path / "one", [3], {}, evaluation={"fraction": 0.01})

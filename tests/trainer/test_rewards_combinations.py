"""Which wishes about rewards go together: refused, told, or taken."""

from __future__ import annotations

import pytest

from tests.trainer.documents import Json
from tests.trainer.reward_runs import robot_run
from trainer.failures import UserError
from trainer.rewards.combinations import check_combination
from trainer.rewards.image_key import reward_image_key
from trainer.rewards.ways import head_to_weigh, heads_of, heads_to_compute, kappa_of, way_of, weighs

MODEL: Json = {"modelUri": "pvc://models/sarm", "modelPath": "/inputs/sarm"}
FILE: Json = {"progressUri": "pvc://models/progress.parquet", "progressPath": "/inputs/progress.parquet"}
CAMERAS = ("observation.images.top", "observation.images.wrist")


@pytest.mark.parametrize(
    ("job_type", "reward", "way", "weighted"),
    [
        ("vla", None, "none", False),
        ("vla", {"useRabc": False, **MODEL}, "none", False),
        ("vla", {"useRabc": True, **MODEL}, "model", True),
        ("vla", {"useRabc": True, **FILE}, "file", True),
        ("vla", {"useRabc": True, **MODEL, **FILE}, "file", True),
        ("vla_w_reward", None, "train", True),
        ("vla_w_reward", {"useRabc": True}, "train", True),
        ("vla_w_reward", dict(MODEL), "model", True),
        ("vla_w_reward", dict(FILE), "file", True),
        ("reward", None, "train", False),
        ("reward", {"useRabc": True, **FILE}, "train", False),
    ],
)
def test_progress_comes_from_what_is_given_before_what_is_trained(
    job_type: str, reward: Json | None, way: str, weighted: object
) -> None:
    run = robot_run(job_type, reward)
    assert (way_of(run), weighs(run)) == (way, weighted)


@pytest.mark.parametrize(
    ("job_type", "reward", "changes", "param", "words"),
    [
        ("vla", {"useRabc": True}, {}, "spec.reward.useRabc", "neither a reward model nor a file of progress"),
        ("vla_w_reward", {"headMode": "dense"}, {}, "spec.reward.headMode", "a sparse head alone"),
        ("reward", {"headMode": "dense"}, {}, "spec.reward.headMode", "annotationMode single_stage"),
        ("vla_w_reward", None, {"model__type": "act"}, "spec.model.type", "smolvla, pi0, pi05"),
        ("vla", {"useRabc": True, **FILE}, {"model__type": "xvla"}, "spec.model.type", "xvla"),
        ("vla", {"useRabc": True, **MODEL}, {"model__type": "wall_oss"}, "spec.model.type", "wall_oss"),
        ("vla", {"useRabc": True, "modelUri": "s3://b/m"}, {}, "spec.reward.modelUri", "not mounted"),
        ("vla_w_reward", {"progressUri": "s3://b/p"}, {}, "spec.reward.progressUri", "not mounted"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    job_type: str, reward: Json | None, changes: Json, param: str, words: str
) -> None:
    with pytest.raises(UserError, match=words) as refused:
        check_combination(robot_run(job_type, reward, **changes))
    assert (refused.value.code, refused.value.param) == ("RewardUnsupported", param)
    assert refused.value.advice


@pytest.mark.parametrize(
    ("job_type", "reward", "words"),
    [
        ("vla", {"useRabc": False, **MODEL}, "useRabc is false"),
        ("vla", {"useRabc": True, **MODEL, **FILE}, "modelUri is without use: the progress is given"),
        ("vla_w_reward", {**FILE, "imageKey": "observation.images.top"}, "imageKey is without use"),
        (
            "vla_w_reward",
            {**MODEL, "annotationMode": "dual"},
            "annotationMode is without use: the reward model is given",
        ),
        ("vla_w_reward", {**FILE, "headMode": "both"}, "weighted by the sparse head"),
        ("vla_w_reward", {"headMode": "both"}, "a sparse head alone: sparse is computed"),
        ("vla_w_reward", {"headMode": "both", "annotationMode": "dual"}, "weighted by the sparse head"),
        ("reward", {"useRabc": True, "kappa": 0.1}, "useRabc, reward.kappa are without use: jobType reward"),
        ("reward", dict(MODEL), "modelUri is without use"),
    ],
)
def test_what_has_no_use_is_told(job_type: str, reward: Json, words: str) -> None:
    assert any(words in warning for warning in check_combination(robot_run(job_type, reward)))


@pytest.mark.parametrize(
    ("job_type", "reward"),
    [
        ("vla", None),
        ("vla", {"useRabc": True, **MODEL}),
        ("vla", {"useRabc": True, "headMode": "dense", **FILE}),
        ("vla_w_reward", {"headMode": "dense", "annotationMode": "dense_only"}),
        ("vla_w_reward", {"useRabc": True, "kappa": 0.02, "imageKey": "observation.images.top", "hoursShare": 0.2}),
        ("reward", {"headMode": "both", "annotationMode": "dual"}),
        ("reward", {"imageKey": "observation.images.top"}),
    ],
)
def test_what_goes_together_is_taken_without_a_word(job_type: str, reward: Json | None) -> None:
    assert check_combination(robot_run(job_type, reward)) == ()


def test_a_reward_model_is_no_policy_and_a_policy_no_reward_model() -> None:
    with pytest.raises(UserError, match="sarm is the reward model, and no policy"):
        check_combination(robot_run("vla", None, model__type="sarm"))


def test_a_batch_that_cannot_be_split_over_the_processes_is_refused() -> None:
    spread = {"hardware__gpus": 3, "hyperparameters__batchSize": 6}
    with pytest.raises(
        UserError, match="batchSize 32 is global and cannot be split evenly over 3 processes"
    ) as refused:
        check_combination(robot_run("vla_w_reward", None, **spread))
    assert refused.value.param == "spec.reward.hyperparameters.batchSize"
    assert check_combination(robot_run("vla_w_reward", {"hyperparameters": {"batchSize": 30}}, **spread)) == ()
    assert check_combination(robot_run("reward", None, **spread)) == ()


def test_every_policy_that_can_be_weighted_is_taken() -> None:
    for name in ("smolvla", "pi0", "pi05"):
        assert check_combination(robot_run("vla_w_reward", None, model__type=name)) == ()


def test_samples_are_weighted_by_one_head_and_computed_for_those_that_are_there() -> None:
    assert [head_to_weigh(mode) for mode in ("sparse", "dense", "both")] == ["sparse", "dense", "sparse"]
    assert heads_of("single_stage") == ("sparse",)
    assert heads_of("dense_only") == heads_of("dual") == ("sparse", "dense")
    assert heads_to_compute("both", ("sparse",)) == "sparse"
    assert heads_to_compute("both", ("sparse", "dense")) == "both"
    assert heads_to_compute("dense", ("sparse", "dense")) == "dense"
    assert kappa_of(None) == 0.01
    assert kappa_of(robot_run("vla_w_reward", {"kappa": 0.05}).reward) == 0.05


def test_the_camera_is_the_one_that_is_named() -> None:
    named = robot_run("vla_w_reward", {"imageKey": "observation.images.wrist"})
    assert reward_image_key(named, CAMERAS) == "observation.images.wrist"


def test_the_camera_is_the_only_one_that_is_mapped_or_there() -> None:
    mapped = robot_run("reward", None, cameras=[{"slot": "cam", "datasetKey": "observation.images.top"}])
    assert reward_image_key(mapped, CAMERAS) == "observation.images.top"
    assert reward_image_key(robot_run("reward", None, cameras=[]), CAMERAS[:1]) == CAMERAS[0]


def test_of_several_cameras_one_must_be_named() -> None:
    with pytest.raises(UserError, match=r"2 are mapped: observation.images.top, observation.images.wrist") as refused:
        reward_image_key(robot_run("vla_w_reward"), CAMERAS)
    assert refused.value.param == "spec.reward.imageKey"


def test_a_misspelt_camera_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no camera observation.image.top. Did you mean 'observation.images.top'\?"):
        reward_image_key(robot_run("reward", {"imageKey": "observation.image.top"}), CAMERAS)

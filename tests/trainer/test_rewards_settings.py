"""The reward model's own hyperparameters: defaults, bounds, spelling, and the run that trains it."""

from __future__ import annotations

import pytest

from tests.trainer.documents import Json
from tests.trainer.reward_runs import robot_run
from trainer.failures import UserError
from trainer.rewards.combinations import check_combination
from trainer.rewards.hyperparameters import reward_hyperparameters, reward_run
from trainer.rewards.sarm_settings import check_sarm_settings, most_state_of


def test_a_reward_model_without_settings_is_trained_as_lerobot_documents_it() -> None:
    given = reward_hyperparameters(robot_run("vla_w_reward"))
    assert (given.steps, given.batch_size, given.learning_rate, given.stride) == (5000, 32, 5e-5, 1)
    assert given.seed == 42


def test_the_training_of_the_reward_model_is_a_run_of_its_own() -> None:
    settings: Json = {"steps": 700, "batchSize": 8, "learningRate": 1e-4, "warmupSteps": 5, "extra": {"num_layers": 2}}
    run = robot_run("vla_w_reward", {"hyperparameters": settings})
    own = reward_run(run)
    assert (own.job_type, own.model.type, own.model.path) == ("reward", "sarm", None)
    assert (own.hyperparameters.steps, own.hyperparameters.batch_size, own.hyperparameters.warmup_steps) == (700, 8, 5)
    assert own.hyperparameters.learning_rate == 1e-4
    assert own.hyperparameters.extra == {"num_layers": 2}
    assert (own.datasets, own.reward, own.workspace) == (run.datasets, run.reward, run.workspace)
    alone = robot_run("reward")
    assert reward_run(alone) is alone


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 8}, "Did you mean 'batchSize'"),
        ({"learningrate": 1e-4}, "Did you mean 'learningRate'"),
        ({"steps": 0}, "must be at least 1"),
        ({"batchSize": 1000}, "must be at least 1 and at most 512"),
        ({"learningRate": "fast"}, "must be a number"),
        ({"stride": 0}, "must be at least 1"),
        ({"extra": {"num_layer": 2}}, "Did you mean 'num_layers'"),
        ({"extra": {"dropout": 2}}, "must be at least 0 and at most 1"),
        ({"extra": {"n_obs_steps": 7}}, "must be even"),
        ({"extra": {"n_obs_steps": 4}}, "max_rewind_steps must be less than n_obs_steps"),
        ({"extra": {"hidden_dim": 100}}, "hidden_dim must be a multiple of num_heads"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_nearest_or_its_bounds(settings: Json, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        check_combination(robot_run("vla_w_reward", {"hyperparameters": settings}))
    assert refused.value.code == "HyperparameterInvalid"
    assert refused.value.param.startswith("spec.reward.hyperparameters")
    assert "run.json" not in refused.value.message


def test_a_job_that_trains_a_reward_model_alone_says_how_in_one_place() -> None:
    with pytest.raises(UserError, match=r"reward.hyperparameters.steps is given") as refused:
        check_combination(robot_run("reward", {"hyperparameters": {"steps": 5, "stride": 2}}))
    assert refused.value.param == "spec.reward.hyperparameters.steps"
    assert check_combination(robot_run("reward", {"hyperparameters": {"stride": 2, "extra": {"num_heads": 4}}})) == ()


def test_its_own_extra_is_held_against_what_sarm_has() -> None:
    with pytest.raises(UserError, match=r"hyperparameters.extra.framegap is not known. Did you mean 'frame_gap'\?"):
        check_combination(robot_run("reward", None, hyperparameters__extra={"framegap": 10}))


def test_a_state_that_sarm_would_cut_off_can_be_told() -> None:
    check_sarm_settings({"max_state_dim": 40}, "hyperparameters.extra")
    assert (most_state_of({}), most_state_of({"max_state_dim": 40})) == (32, 40)

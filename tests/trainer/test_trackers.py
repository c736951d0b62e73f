"""What transformers' reporting is told of a job's trackers."""

from __future__ import annotations

import pytest

from tests.trainer.documents import run_document
from trainer.backends.trl.trackers import tracker_environment
from trainer.contract.run import parse_run
from trainer.failures import UserError
from trainer.training.tracker_keys import check_tracker_keys

WANDB = {"type": "wandb", "wandb": {"project": "support", "entity": "team-a", "tags": ["lamp", "new"]}}
MLFLOW = {"type": "mlflow", "mlflow": {"trackingUri": "https://m.example.com", "experiment": "support"}}


def test_every_attempt_reports_to_one_run_of_each_tracker() -> None:
    asked = {"integrations": [WANDB, MLFLOW, {"type": "tensorboard"}], "tags": ["lamp", "blue"]}
    told = tracker_environment(parse_run(run_document(**asked)))
    assert told == {
        "WANDB_PROJECT": "support",
        "WANDB_ENTITY": "team-a",
        "WANDB_NAME": "support-bot",
        "WANDB_TAGS": "lamp,new,blue",
        "WANDB_RUN_ID": "6f1d6f0a-4b7c-4a52-9a51-0c1f2f6f7f10",
        "WANDB_RESUME": "allow",
        "WANDB_LOG_MODEL": "false",
        "MLFLOW_TRACKING_URI": "https://m.example.com",
        "MLFLOW_EXPERIMENT_NAME": "support",
        "TENSORBOARD_LOGGING_DIR": "/workspace/tensorboard",
    }
    assert tracker_environment(parse_run(run_document())) == {}


@pytest.mark.parametrize(
    ("integration", "expected"),
    [
        ({"type": "wandb"}, "integrations[0].wandb is missing and the type is wandb"),
        ({**WANDB, "type": "tensorboard"}, "integrations[0].wandb is given and the type is tensorboard"),
        ({**WANDB, **MLFLOW}, "integrations[0].wandb is given and the type is mlflow"),
        ({"type": "comet"}, "integrations[0].type is 'comet', must be one of wandb, mlflow, tensorboard"),
    ],
)
def test_a_tracker_has_the_settings_of_its_type(integration: object, expected: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_run(run_document(integrations=[integration]))
    assert expected in refused.value.message


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        (f"{'a1' * 20}\n", "begins or ends with a blank or a line's end"),
        ("a1b2c3", "has 6 characters, must have 40 or more"),
        (f"local-{'a1' * 10}", "has 20 characters, must have 40 or more"),
        (f"{'a1' * 20}!", "has characters that none has"),
    ],
)
def test_a_key_that_wandb_would_refuse_is_refused_with_its_field_and_not_shown(key: str, problem: str) -> None:
    run = parse_run(run_document(integrations=[WANDB]))
    with pytest.raises(UserError) as refused:
        check_tracker_keys(run.integrations, {"WANDB_API_KEY": key})
    assert (refused.value.code, refused.value.param) == (
        "IntegrationKeyInvalid",
        "spec.integrations[0].wandb.apiKeySecretRef",
    )
    assert problem in refused.value.message
    assert not key.strip() or key.strip() not in refused.value.message


@pytest.mark.parametrize("key", ["a1" * 20, "a1" * 43, f"local-{'a1' * 20}", "head.pay-load.sign_ature"])
def test_a_key_in_any_of_its_forms_is_taken(key: str) -> None:
    check_tracker_keys(parse_run(run_document(integrations=[WANDB])).integrations, {"WANDB_API_KEY": key})


@pytest.mark.parametrize("environment", [{}, {"WANDB_API_KEY": "x", "WANDB_MODE": "offline"}])
def test_without_a_server_to_report_to_no_key_is_asked_for(environment: dict[str, str]) -> None:
    check_tracker_keys(parse_run(run_document(integrations=[WANDB])).integrations, environment)


def test_a_job_without_trackers_minds_no_key() -> None:
    check_tracker_keys((), {"WANDB_API_KEY": "x"})

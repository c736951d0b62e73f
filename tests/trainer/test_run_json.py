"""run.json is followed to the letter or refused with the field, the value and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.trainer.documents import put, run_document
from trainer.contract.run import Lora, parse_run, read_run
from trainer.failures import UserError


def refusal(document: object) -> str:
    """What the parser says about a document that it must refuse."""
    with pytest.raises(UserError) as refused:
        parse_run(document)
    assert refused.value.code == "RunInvalid"
    return refused.value.message


def test_the_golden_run_is_understood() -> None:
    run = parse_run(run_document())
    assert (run.stage, run.attempt, run.job.name) == ("train", 1, "support-bot")
    assert run.hyperparameters.lora == Lora(enabled=True, rank=16, alpha=32, dropout=0.0, target_modules=())
    assert run.datasets[0].param == "spec.datasets[0].uri"
    assert run.workspace == Path("/workspace")


def test_what_may_be_absent_has_defaults() -> None:
    run = parse_run(run_document(hyperparameters__lora={"enabled": False}, limits={"trainingSeconds": 60}))
    assert run.hyperparameters.steps is None
    assert run.hyperparameters.context_length is None
    assert run.checkpoints.every_steps is None
    assert run.limits.grace_seconds == 60
    assert run.limits.stall_seconds is None
    assert (run.number, run.resume_from, run.finish, run.hardware.halvings) == (0, 1, False, 0)


def test_a_later_run_is_understood() -> None:
    run = parse_run(run_document("train.restart"))
    assert (run.number, run.attempt, run.resume_from, run.finish) == (2, 5, 4, True)
    assert (run.hardware.halvings, run.limits.stall_seconds) == (1, 1800)


def test_hours_alone_may_end_the_training_of_a_robot_and_of_nothing_else() -> None:
    endless = run_document("train.robot")
    put(endless, ["hyperparameters"], {"learningRate": 1e-4, "batchSize": 8, "seed": 7, "lora": {"enabled": False}})
    assert parse_run(endless).hyperparameters.steps is None
    assert "hyperparameters.epochs is missing, and steps too" in refusal({**endless, "jobType": "sft"})


def test_only_an_adapter_that_is_to_be_merged_waits_for_stage_publish() -> None:
    assert parse_run(run_document("publish")).merges
    assert not parse_run(run_document("publish", output={"merge": "adapter"})).merges
    assert not parse_run(run_document("publish", hyperparameters__lora={"enabled": False})).merges


def test_an_unknown_key_is_refused_with_the_nearest_known_one() -> None:
    message = refusal(run_document(hyperparameters__learningrate=1))
    assert "hyperparameters.learningrate is not known" in message
    assert "Did you mean 'learningRate'?" in message


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("hyperparameters__batchSize", 0, "hyperparameters.batchSize is 0, must be at least 1 and at most 512"),
        ("hyperparameters__batchSize", 2.5, "hyperparameters.batchSize is 2.5, must be a whole number"),
        ("hyperparameters__batchSize", True, "hyperparameters.batchSize is True, must be a whole number"),
        ("hyperparameters__learningRate", 0, "hyperparameters.learningRate is 0, must be greater than 0"),
        ("hyperparameters__learningRate", float("nan"), "hyperparameters.learningRate is nan, must be greater than 0"),
        (
            "hyperparameters__lora__dropout",
            1.5,
            "hyperparameters.lora.dropout is 1.5, must be at least 0 and at most 1",
        ),
        ("hyperparameters__lora__enabled", "yes", "hyperparameters.lora.enabled is 'yes', must be true or false"),
        ("hyperparameters__epochs", None, "hyperparameters.epochs is null, must be a number"),
        ("checkpoints__keepLast", 1, "checkpoints.keepLast is 1, must be at least 2"),
        ("stage", "training", "stage is 'training', must be one of inspect, prepare, train, publish"),
        ("run", -1, "run is -1, must be at least 0"),
        ("resumeFrom", 0, "resumeFrom is 0, must be at least 1"),
        ("finish", "yes", "finish is 'yes', must be true or false"),
        ("hardware__halvings", 17, "hardware.halvings is 17, must be at least 0 and at most 16"),
        ("limits__stallSeconds", 0, "limits.stallSeconds is 0, must be greater than 0"),
        ("jobType", "stf", "jobType is 'stf', must be one of sft, dpo, style, vla, reward, vla_w_reward"),
        ("contractVersion", 2, "contractVersion is 2, this trainer speaks version 1"),
        ("datasets", [], "datasets has 0 items, must have 1 to 16"),
        ("datasets__0__split", "validation", "datasets has no item with split 'train'"),
        ("model", "gpt", "model is a string, must be an object"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(place: str, value: object, expected: str) -> None:
    assert expected in refusal(run_document(**{place: value}))


def test_a_missing_key_is_named() -> None:
    document = run_document()
    del document["job"]
    assert refusal(document) == "run.json: job is missing"


def test_a_file_that_is_not_json_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="is not JSON"):
        read_run(path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_run(tmp_path / "absent.json")


def test_a_whole_number_may_be_written_with_a_point() -> None:
    document = json.loads(json.dumps(run_document()).replace('"batchSize": 8', '"batchSize": 8.0'))
    assert parse_run(document).hyperparameters.batch_size == 8

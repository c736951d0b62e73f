"""A job that the schema let through and the models refuse ends with field and words, or waits for a newer operator."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.api.model import Json
from finetune_operator.planning.unreadable import first_fault, unreadable_status

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SPEC: Json = {"jobType": "sft", "model": {"name": "x"}, "datasets": [{"name": "d", "uri": "pvc://a/b"}]}
ATTEMPT: Json = {"stage": "train", "number": 1, "job": "x-train-1", "startTime": "2026-11-21T11:00:00Z"}


def error_of(**spec: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        FineTuneJobSpec.model_validate(SPEC | spec)
    return caught.value


def status_of(old: Json | None = None, **spec: object) -> Json | None:
    body = {"metadata": {"generation": 3}, "spec": SPEC | spec, "status": old or {"observedGeneration": -1}}
    return unreadable_status(body, error_of(**spec), NOW)


def test_a_value_that_cannot_be_fails_the_job_with_its_field_and_what_was_given() -> None:
    status = status_of(hours=-1)
    assert status is not None
    assert (status["phase"], status["reason"], status["observedGeneration"]) == ("Failed", "InvalidSpec", 3)
    assert status["failure"]["param"] == "spec.hours"
    assert status["message"] == "spec.hours: Input should be greater than 0; given: -1"
    assert status["completionTime"] == "2026-11-21T12:00:00Z"


def test_a_word_that_is_not_known_may_be_of_a_newer_version_and_waits() -> None:
    status = status_of(jobType="grpo")
    assert status is not None
    assert (status["phase"], status["reason"]) == ("Pending", "InvalidSpec")
    assert "given: 'grpo'" in status["message"]
    assert "update the operator" in status["message"]
    assert "failure" not in status


def test_a_job_that_has_begun_keeps_its_phase_and_its_attempts() -> None:
    status = status_of({"phase": "Running", "attempts": [ATTEMPT]}, hours=-1)
    assert status is not None
    assert (status["phase"], status["reason"], len(status["attempts"])) == ("Running", "InvalidSpec", 1)


def test_a_job_that_has_ended_is_left_as_it_is() -> None:
    assert status_of({"phase": "Succeeded"}, hours=-1) is None


def test_a_status_that_a_newer_operator_wrote_is_left_as_it_is() -> None:
    assert status_of({"phase": "Quantising"}, hours=-1) is None


def test_a_second_look_says_the_same() -> None:
    first = status_of(hours=-1) or {}
    waiting = status_of(jobType="grpo")
    assert status_of(first, hours=-1) is None
    assert status_of(waiting, jobType="grpo") == waiting


def test_the_place_is_spelt_as_people_write_it() -> None:
    fault = first_fault(error_of(datasets=[{"name": "d", "uri": "x", "weight": -1}]))
    assert fault.field == "spec.datasets[0].weight"


def test_a_long_value_is_cut_short() -> None:
    assert len(first_fault(error_of(displayName="x" * 5000)).words) < 200

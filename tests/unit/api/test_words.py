"""Names, reasons and models: the words that everything else is built of."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from finetune_operator.api import names
from finetune_operator.api.conditions import TERMINAL_PHASES, Phase, Reason
from finetune_operator.api.finetunejob import Lora
from finetune_operator.api.instancetype import InstanceTypeSpec
from finetune_operator.api.status import FineTuneJobStatus

LABEL_VALUE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@pytest.mark.parametrize("stage", ["prepare", "train"])
@pytest.mark.parametrize("attempt", [1, 99_999])
def test_the_longest_name_of_a_job_leaves_room_for_the_names_of_its_children(stage: str, attempt: int) -> None:
    longest = "a" * names.LONGEST_JOB_NAME
    assert LABEL_VALUE.fullmatch(names.stage_job_name(longest, "uid", stage, attempt))
    assert LABEL_VALUE.fullmatch(names.output_claim_name(longest, "uid"))


def test_the_names_of_children_are_a_function_of_the_resource() -> None:
    assert names.stage_job_name("a", "uid", "train", 2) == names.stage_job_name("a", "uid", "train", 2)


def test_a_namesake_made_later_has_other_children() -> None:
    assert names.stage_job_name("a", "uid-1", "train", 1) != names.stage_job_name("a", "uid-2", "train", 1)
    assert names.output_claim_name("a", "uid-1") != names.output_claim_name("a", "uid-2")


def test_no_two_jobs_share_an_audience() -> None:
    audiences = {names.progress_audience(*who) for who in (("a", "b", "1"), ("a", "b", "2"), ("b", "a", "1"))}
    assert len(audiences) == 3


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_word_with_a_sentence(reason: Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]{1,63}", reason)
    assert re.fullmatch(r"[A-Z].*\.", reason.sentence)


def test_a_reason_is_found_by_its_word() -> None:
    assert next(reason for reason in Reason if reason == "OOMKilled") is Reason.OOM_KILLED


def test_a_job_ends_in_three_ways() -> None:
    assert {Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED} == TERMINAL_PHASES


def test_an_unknown_field_of_a_newer_schema_does_not_break_an_older_operator() -> None:
    assert FineTuneJobStatus.model_validate({"observedGeneration": 3, "novelty": 1}).observed_generation == 3


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Lora().enabled = False  # type: ignore[misc]


@pytest.mark.parametrize(("given", "kept"), [(2, "2"), ("500m", "500m"), ("1.5", "1.5")])
def test_a_quantity_is_kept_as_it_was_written(given: object, kept: str) -> None:
    assert InstanceTypeSpec.model_validate({"cpu": given, "memory": "1Gi"}).cpu == kept

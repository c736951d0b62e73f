"""A verdict is valid JSON in at most 4096 bytes, whatever happened; it decides the exit code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.documents import run_document
from trainer.contract.report import Report
from trainer.contract.run import parse_run
from trainer.contract.termination import LARGEST, termination_message
from trainer.contract.verdict import EXIT_CODES, Artifact, Position, Verdict, exit_code, verdict_of
from trainer.failures import OutOfMemory, UserError
from trainer.training.ending import remark_on_choice

TEXT = st.text(max_size=3000)


def big_verdict(text: str) -> Verdict:
    return Verdict(
        stage="train",
        attempt=3,
        result="failed",
        message=text,
        code="RuntimeError",
        advice=text,
        position=Position(step=1, total_steps=2, metrics={"loss": 1.0, "gradNorm": float("nan")}),
        report=Report(rows=1, tokens=1, longest_row_tokens=1, validation_rows=0, parameters=0, warnings=(text,) * 20),
        artifact=Artifact("model", "model", files=(text[:200],) * 99, bytes=1, digest="sha256:" + "0" * 64),
        lines=(text,) * 20,
    )


@given(TEXT)
def test_a_termination_message_always_fits_and_always_parses(text: str) -> None:
    message = termination_message(big_verdict(text).to_json())
    assert len(message) <= LARGEST
    document = json.loads(message)
    assert (document["stage"], document["attempt"], document["result"]) == ("train", 3, "failed")


def test_text_that_takes_four_bytes_a_letter_fits_too() -> None:
    assert len(termination_message(big_verdict("\N{GRINNING FACE}" * 5000).to_json())) <= LARGEST


def test_the_numbers_of_a_report_stay_when_the_names_of_its_cameras_do_not_fit() -> None:
    report = Report(episodes=50, frames=20_000, fps=30.0, image_keys=tuple(f"{n}{'k' * 300}" for n in range(16)))
    verdict = Verdict("prepare", 1, "completed", "ready", report=report).to_json()
    kept = json.loads(termination_message(verdict))["report"]
    assert (kept["frames"], kept["episodes"], kept["imageKeys"]) == (20_000, 50, [])


def test_half_of_a_character_does_not_spoil_the_message() -> None:
    assert json.loads(termination_message(big_verdict("a\ud800b").to_json()))["message"] == "a?b"


def test_a_small_verdict_is_kept_whole() -> None:
    verdict = Verdict(stage="prepare", attempt=1, result="completed", message="48 rows", lines=("a", "b"))
    assert json.loads(termination_message(verdict.to_json())) == verdict.to_json()


def test_the_last_lines_are_the_ones_that_stay() -> None:
    lines = tuple(f"{number} {'x' * 250}" for number in range(30))
    verdict = Verdict(stage="train", attempt=1, result="failed", message="m" * 1024, advice="a" * 512, lines=lines)
    kept = json.loads(termination_message(verdict.to_json()))["lines"]
    assert kept[-1].startswith("29 ")


def test_a_number_that_is_not_finite_is_left_out() -> None:
    assert Position(step=1, total_steps=2, metrics={"loss": float("inf")}).to_json()["metrics"] == {}


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ("completed", 0),
        ("deadline", 0),
        ("stopped", 0),
        ("userError", 64),
        ("outOfMemory", 66),
        ("retry", 75),
        ("failed", 1),
        ("what is this", 1),
    ],
)
def test_each_result_has_its_exit_code(result: str, code: int) -> None:
    assert exit_code({"result": result}) == code
    assert EXIT_CODES.get(result, 1) == code


def test_an_early_end_becomes_a_verdict_with_everything_it_said() -> None:
    end = UserError("DatasetEmpty", "no rows", param="spec.datasets[0].uri", advice="Add some.")
    assert verdict_of(end, "prepare", 2).to_json() == {
        "contractVersion": 1,
        "stage": "prepare",
        "attempt": 2,
        "result": "userError",
        "message": "no rows",
        "code": "DatasetEmpty",
        "param": "spec.datasets[0].uri",
        "advice": "Add some.",
    }
    assert verdict_of(OutOfMemory("GpuOutOfMemory", "full"), "train", 1).result == "outOfMemory"


@pytest.mark.parametrize(
    ("select", "best", "words"),
    [
        ("best", 4, "the model is that of step 4, which the evaluation found best"),
        ("best", None, "no evaluation was complete: the model is that of the last step"),
        ("last", None, ""),
    ],
)
def test_a_message_says_which_weights_were_chosen_and_when_there_was_no_choice(
    select: str, best: int | None, words: str
) -> None:
    run = parse_run(run_document(output={"select": select}))
    remark = remark_on_choice(run, best)
    assert words in remark
    assert bool(remark) == bool(words)

"""What the demo shows while the job runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from tests.demo.show import line, picture

NOW = datetime(2026, 1, 1, 12, 1, tzinfo=UTC)
TRAINING = {
    "phase": "Running",
    "reason": "Training",
    "message": "step 60 of 240",
    "attempts": [
        {"stage": "prepare", "number": 1, "startTime": "2026-01-01T12:00:00Z", "endTime": "2026-01-01T12:00:08Z"}
        | {"outcome": "Succeeded", "message": "48 rows are ready"},
        {"stage": "train", "number": 1, "startTime": "2026-01-01T12:00:30Z", "node": "node-0"},
    ],
    "progress": {"step": 60, "totalSteps": 240, "percentage": 25, "estimatedRemainingSeconds": 9}
    | {"metrics": {"firstLoss": 4.62, "loss": 0.5}},
}


def test_a_job_that_nobody_has_seen_says_what_it_waits_for() -> None:
    assert "waiting for the operator" in line(job({"observedGeneration": -1}))


def test_a_job_that_waits_says_why_in_the_clusters_words() -> None:
    status = {"phase": "Queued", "reason": "Unschedulable", "message": "0/1 nodes are available: Insufficient cpu."}

    assert line(job(status)) == "Queued     | Unschedulable: 0/1 nodes are available: Insufficient cpu."


def test_a_job_that_trains_shows_step_loss_and_what_remains() -> None:
    assert line(job(TRAINING)).endswith("25 % · step 60/240 · loss 0.50 (began at 4.62) · 9 s left")


def test_the_picture_shows_each_stage_with_its_seconds() -> None:
    shown = drawn(TRAINING)

    assert "check model and data" in shown
    assert "8 s" in shown
    assert "30 s" in shown
    assert "node-0" in shown


def test_the_picture_shows_a_stage_that_has_not_begun_and_one_that_began_again() -> None:
    again = {"stage": "prepare", "number": 2, "startTime": "2026-01-01T12:00:30Z"}

    shown = drawn({"phase": "Validating", "attempts": [again]})

    assert "check model and data (attempt 2)" in shown
    assert "· train" in " ".join(shown.split())


def test_words_of_the_cluster_are_never_taken_for_markup() -> None:
    attempt = {"stage": "train", "number": 1, "startTime": "2026-01-01T12:00:30Z", "message": "line [/neither]"}

    shown = drawn({"phase": "Queued", "reason": "Odd", "message": "taint [/nothing]", "attempts": [attempt]})

    assert "[/nothing]" in shown
    assert "[/neither]" in shown


def job(status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "mine"}, "status": status}


def drawn(status: dict[str, Any]) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(picture(job(status), NOW))
    return capture.get()

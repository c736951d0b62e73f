"""The status of a catalog entry says whether jobs can use it, and changes only when that does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from finetune_operator.api.model import Json
from finetune_operator.catalog.catalog import Broken
from finetune_operator.planning.entry_status import entry_status

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def body(status: Json | None = None, generation: int = 1) -> Json:
    return {"metadata": {"name": "x", "generation": generation}, "status": status or {"observedGeneration": -1}}


def of(status: Json, condition: str) -> tuple[str, str, str]:
    (found,) = [each for each in status["conditions"] if each["type"] == condition]
    return found["status"], found["reason"], found["message"]


def test_a_sound_entry_is_ready_with_what_it_leaves_out() -> None:
    status = entry_status(body(), None, ["a is missing", "b is missing"], NOW)
    assert of(status, "Ready") == ("True", "Usable", "jobs can use it; a is missing; b is missing")
    assert of(status, "Stalled")[0] == of(status, "Reconciling")[0] == "False"


def test_a_contradiction_is_told_apart_from_what_cannot_be_read() -> None:
    assert of(entry_status(body(), Broken("a and b", readable=True), (), NOW), "Ready") == (
        "False",
        "Contradiction",
        "a and b",
    )
    assert of(entry_status(body(), Broken("cpu: missing"), (), NOW), "Stalled") == (
        "True",
        "Unreadable",
        "cpu: missing",
    )


def test_a_second_look_says_the_same_and_a_new_generation_is_seen() -> None:
    first = entry_status(body(), None, (), NOW)
    later = NOW + timedelta(hours=1)
    assert entry_status(body(first), None, (), later) == first
    edited = entry_status(body(first, generation=2), None, (), later)
    assert edited["observedGeneration"] == 2
    assert [each["lastTransitionTime"] for each in edited["conditions"]] == ["2026-11-21T12:00:00Z"] * 3


def test_a_status_that_somebody_else_wrote_is_written_anew() -> None:
    odd = {"conditions": [{"type": "Ready", "status": "Perhaps"}]}
    assert of(entry_status(body(odd), None, (), NOW), "Ready")[0] == "True"

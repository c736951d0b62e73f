"""The kept lines of a run: the last ones, each once, in a size that never grows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from finetune_operator.planning.logbook import MOST_BYTES, MOST_LINES, extended, news, written
from finetune_operator.planning.progress import LogLine

TIME = datetime(2026, 11, 21, 12, 0, 0, 250_999, tzinfo=UTC)


def test_a_line_says_when_by_which_attempt_how_grave_and_what() -> None:
    text = written(LogLine(TIME, "warning", "«rows» are short"), 2)
    assert json.loads(text) == {
        "timestamp": "2026-11-21T12:00:00.250Z",
        "attempt": 2,
        "level": "warning",
        "message": "«rows» are short",
    }


def test_a_log_is_begun_and_goes_on() -> None:
    assert extended(extended("", ["a", "b"]), ["c"]) == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("known", "lines", "new"),
    [
        ("ab", "cd", "cd"),
        ("ab", "bc", "c"),
        ("ab", "abc", "c"),
        ("ab", "ab", ""),
        ("aa", "aaa", "a"),
        ("", "ab", "ab"),
        ("ab", "ac", "ac"),
    ],
)
def test_what_is_sent_again_since_no_answer_came_is_not_kept_twice(known: str, lines: str, new: str) -> None:
    assert "".join(news(list(known), list(lines))) == new


def test_no_more_than_500_lines_are_kept() -> None:
    log = extended("", [str(number) for number in range(600)])
    assert log.split("\n")[:-1] == [str(number) for number in range(600 - MOST_LINES, 600)]


def test_no_more_than_128_kib_of_utf8_are_kept() -> None:
    log = extended("", [f"{number}{'ä' * 500}" for number in range(400)])
    assert MOST_BYTES - 1100 < len(log.encode()) <= MOST_BYTES
    assert log.endswith(f"399{'ä' * 500}\n")

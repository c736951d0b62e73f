"""Each line is JSON, says what it is about, and holds no credential."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from finetune_operator.api.model import Json
from finetune_operator.reconciler.logs import JsonLines, about


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    buffer = io.StringIO()
    handler = logging.StreamHandler(buffer)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("finetune_operator.test")
    logger.addHandler(handler)
    yield buffer
    logger.removeHandler(handler)


def line(stream: io.StringIO) -> Json:
    parsed: Json = json.loads(stream.getvalue())
    return parsed


def test_a_line_is_json_with_time_level_and_message(stream: io.StringIO) -> None:
    logging.getLogger("finetune_operator.test").warning("seen %d of\n%s", 3, "«five»")

    said = line(stream)
    assert (said["level"], said["message"]) == ("warning", "seen 3 of\n«five»")
    assert said["time"].endswith("+00:00")


def test_a_line_says_which_job_it_is_about(stream: io.StringIO) -> None:
    with about("ns", "one", attempt=2):
        logging.getLogger("finetune_operator.test").warning("hello")

    assert {"namespace": "ns", "name": "one", "attempt": 2}.items() <= line(stream).items()


def test_outside_of_a_job_a_line_names_none(stream: io.StringIO) -> None:
    with about("ns", "one"):
        pass
    logging.getLogger("finetune_operator.test").warning("hello")

    assert not {"namespace", "name", "attempt"} & line(stream).keys()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t.t0ken",
        "Authorization: Basic czNjcjN0",
        "token eyJhbGciOi.eyJzdWIiOi.s3cr3t-signature",
    ],
)
def test_what_looks_like_a_credential_is_struck_out(stream: io.StringIO, text: str) -> None:
    logging.getLogger("finetune_operator.test").error("failed with %s", text, exc_info=ValueError(text))

    assert "[redacted]" in line(stream)["message"]
    assert stream.getvalue().count("[redacted]") >= 2, "in the message and in the traceback"
    for secret in ("s3cr3t", "czNjcjN0"):
        assert secret not in stream.getvalue()


def test_talk_about_credentials_is_left_alone(stream: io.StringIO) -> None:
    logging.getLogger("finetune_operator.test").warning("a bearer token, and basic understanding")

    assert line(stream)["message"] == "a bearer token, and basic understanding"

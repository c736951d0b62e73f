"""Every answer of the API server becomes an error named after what the caller does about it."""

from __future__ import annotations

import json

import pytest

from finetune_operator.cluster import errors


def answered(status: int, headers: dict[str, str] | None = None, **document: object) -> errors.ClusterError:
    body = json.dumps({"kind": "Status", "message": "the server's words", **document}).encode()
    return errors.from_response("GET /x", status, headers or {}, body)


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Refused),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.Invalid),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (410, "Expired", errors.Unavailable),
        (413, "RequestEntityTooLarge", errors.Invalid),
        (415, "UnsupportedMediaType", errors.Invalid),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Unavailable),
        (500, "InternalError", errors.Unavailable),
        (503, "ServiceUnavailable", errors.Unavailable),
        (504, "Timeout", errors.Unavailable),
    ],
)
def test_a_status_has_its_class(status: int, reason: str, kind: type[errors.ClusterError]) -> None:
    error = answered(status, reason=reason)

    assert type(error) is kind
    assert str(error) == "GET /x: the server's words"
    assert error.status == status


def test_the_server_says_how_long_to_wait_in_a_header_or_in_the_details() -> None:
    assert answered(429, {"Retry-After": "7"}).retry_after == 7
    assert answered(504, details={"retryAfterSeconds": 3}).retry_after == 3
    assert answered(503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after is None
    assert answered(500).retry_after is None


def test_a_proxys_page_is_quoted_in_part() -> None:
    error = errors.from_response("GET /x", 502, {}, b"<html>" + b"x" * 10_000)

    assert isinstance(error, errors.Unavailable)
    assert str(error).startswith("GET /x: <html>xxx")
    assert len(str(error)) < 2_100


POLICY = "ValidatingAdmissionPolicy 'team' with binding 'team' denied request: jobs need a label team"


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (422, "Invalid", f'jobs.batch "one" is forbidden: {POLICY}'),
        (413, "RequestEntityTooLarge", f'jobs.batch "one" is forbidden: {POLICY}'),
        (422, "Invalid", 'admission webhook "jobs.example.org" denied the request: spec.x: Invalid value: 1'),
        (400, "BadRequest", 'admission webhook "jobs.example.org" denied the request without explanation'),
    ],
)
def test_what_admission_denies_is_refused_whatever_the_code(status: int, reason: str, words: str) -> None:
    error = answered(status, reason=reason, message=words)

    assert type(error) is errors.Refused
    assert (error.words, error.message) == (words, f"GET /x: {words}")


def test_an_object_that_is_not_valid_is_not_taken_for_denied_though_it_speaks_of_what_is_forbidden() -> None:
    words = 'Job.batch "one" is invalid: spec.template.labels: Forbidden: may not be set; x "y" is forbidden: z'

    assert type(answered(422, reason="Invalid", message=words)) is errors.Invalid

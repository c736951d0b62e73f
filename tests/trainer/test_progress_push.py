"""Progress reaches the operator with the token of the moment, and a failed push disturbs nothing."""

from __future__ import annotations

import urllib.error
from pathlib import Path

import pytest

from tests.support.eventually import wait_until
from tests.trainer.operator_endpoint import operator_endpoint
from trainer.contract.progress import Reply
from trainer.training.heartbeat import Heartbeat
from trainer.training.push import Endpoint, pause_after, push


def test_the_environment_names_the_endpoint_or_none() -> None:
    assert Endpoint.from_environment({}) is None
    assert Endpoint.from_environment(
        {
            "KUBEFLOW_TRAINER_SERVER_URL": "https://operator/x",
            "KUBEFLOW_TRAINER_SERVER_TOKEN": "/token",
            "KUBEFLOW_TRAINER_SERVER_CA_CERT": "/ca.crt",
        }
    ) == Endpoint("https://operator/x", Path("/token"), Path("/ca.crt"))


def test_the_token_is_read_anew_for_each_push(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with operator_endpoint() as operator:
        endpoint = Endpoint(operator.url, token, None)
        operator.reply = {"budgetSeconds": 60, "stop": True}
        token.write_text("first\n")
        assert push(endpoint, {"a": 1}) == Reply(budget_seconds=60, stop=True)
        token.write_text("second\n")
        push(endpoint, {"a": 2})
    assert operator.posts == [("/progress", "Bearer first", {"a": 1}), ("/progress", "Bearer second", {"a": 2})]


def test_the_token_never_follows_a_redirect(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    with operator_endpoint() as elsewhere, operator_endpoint() as operator:
        operator.status, operator.headers = 307, {"Location": elsewhere.url}
        with pytest.raises(urllib.error.HTTPError) as refused:
            push(Endpoint(operator.url, token, None), {})
        refused.value.close()
    assert elsewhere.posts == []


def test_an_operator_that_is_away_is_complained_of_once_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []

    def unreachable() -> None:
        calls.append(1)
        raise OSError("connection refused")

    with Heartbeat("progress", 0.01, unreachable):
        wait_until(lambda: len(calls) > 2)
    assert capsys.readouterr().out == "progress: OSError: connection refused\n"


def test_an_answer_sets_the_rhythm_which_failures_keep() -> None:
    calls: list[int] = []

    def asked_for_patience() -> float:
        calls.append(1)
        if len(calls) > 1:
            raise OSError("connection refused")
        return 0.01

    with Heartbeat("progress", 60.0, asked_for_patience):
        wait_until(lambda: len(calls) > 3)


@pytest.mark.parametrize(("asked", "seconds"), [(None, 5.0), (0.1, 5.0), (100.0, 100.0), (1e6, 300.0)])
def test_reports_are_as_far_apart_as_the_operator_wishes_within_bounds(asked: float | None, seconds: float) -> None:
    assert pause_after(Reply(report_seconds=asked)) == seconds


def test_the_last_beat_comes_at_the_end() -> None:
    seen: list[str] = []
    state = "running"
    with Heartbeat("ledger", 60.0, lambda: seen.append(state)):
        wait_until(lambda: seen == ["running"])
        state = "ended"
    assert seen == ["running", "ended"]

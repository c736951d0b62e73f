"""What a trainer is told in reply to its report."""

from __future__ import annotations

from finetune_operator.cluster.resources import FINETUNEJOBS, Key
from finetune_operator.reconciler.post import reply_of
from finetune_operator.reconciler.store import Store
from tests.support.objects import fine_tune_job
from tests.unit.planning.scene import a_job, resolved_for

ONE = Key("ns", "one")


def holding(**spec: object) -> Store:
    store, body = Store(), fine_tune_job("one", **spec)
    body["metadata"] |= {
        "namespace": "ns", "uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-11-21T12:00:00Z",
    }  # fmt: skip
    store.put(FINETUNEJOBS, body)
    return store


def test_it_learns_the_whole_budget_in_seconds() -> None:
    assert reply_of(holding(hours=1.5), ONE) == {"budgetSeconds": 5400, "stop": False}


def test_a_job_that_names_no_hours_has_a_week() -> None:
    assert reply_of(holding(), ONE) == {"budgetSeconds": 168 * 3600, "stop": False}


def test_it_is_no_more_than_model_and_hardware_allowed_when_the_job_was_accepted() -> None:
    store = holding()
    job = a_job({"hours": None})
    accepted = dict(store.job(ONE) or {}) | {"status": {"resolved": resolved_for(job, limits={"hours": 6}).wire()}}
    accepted["metadata"] = {**accepted["metadata"], "resourceVersion": "2"}
    store.put(FINETUNEJOBS, accepted)
    assert reply_of(store, ONE) == {"budgetSeconds": 6 * 3600, "stop": False}


def test_it_learns_that_it_is_to_finish() -> None:
    assert reply_of(holding(hours=1, stop=True), ONE) == {"budgetSeconds": 3600, "stop": True}


def test_of_a_job_that_cannot_be_read_there_is_nothing_to_tell() -> None:
    assert reply_of(holding(hours="soon"), ONE) == {}


def test_of_a_job_that_is_gone_there_is_nothing_to_tell() -> None:
    assert reply_of(Store(), ONE) == {}


def test_many_reporters_are_asked_to_report_less_often() -> None:
    assert reply_of(holding(hours=1), ONE, 5_000)["reportSeconds"] == 100
    assert reply_of(holding(hours=1, stallTimeoutSeconds=60), ONE, 5_000)["reportSeconds"] == 30

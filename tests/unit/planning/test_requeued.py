"""A queue that preempts an attempt takes its pods and keeps its Job: what went before says nothing of the pod that follows."""

from __future__ import annotations

from finetune_operator.api.model import Json
from finetune_operator.api.names import QUEUE_LABEL
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.standing import Underway
from tests.unit.planning.scene import at, prepared, pushed, running_pod, stage_job, stamp
from tests.unit.planning.visits import Life

HOUR = 3600
OLD = pushed(training_seconds=0.5 * HOUR, received_at=at(0.5 * HOUR))
"""The last word of the pod that went."""


def waiting() -> Json:
    """The Job that trains, taken back by its queue."""
    job = stage_job()
    job["metadata"]["labels"][QUEUE_LABEL] = "team"
    job["spec"] = {"suspend": True}
    return job


def follower(since: float) -> Json:
    """The pod that follows, just started."""
    body = running_pod(since=at(since))
    body["metadata"] |= {"uid": "pod-train-1-again", "creationTimestamp": stamp(at(since))}
    return body


def trained(**spec: object) -> Life:
    """A job of a queue that has trained for half an hour of its hour."""
    life = Life({"queueName": "team"} | spec)
    life.visit(prepared(), stage_job(), running_pod(), now=0.5 * HOUR, beside=OLD)
    return life


def test_the_wait_for_its_turn_is_no_start_that_fails() -> None:
    life = trained(startDeadlineSeconds=600)
    assert isinstance(life.visit(prepared(), waiting(), now=5 * HOUR, beside=OLD).standing, Underway)


def test_neither_its_fuse_nor_its_silence_counts_from_before() -> None:
    life = trained(stallTimeoutSeconds=60)
    life.visit(prepared(), waiting(), now=5 * HOUR, beside=OLD)
    started = life.visit(prepared(), stage_job(), follower(5 * HOUR), now=5 * HOUR + 1, beside=OLD)
    assert isinstance(started.standing, Underway)
    assert started.last.ends_for is None


def test_a_first_start_that_takes_too_long_still_ends_the_job() -> None:
    life = Life({"queueName": "team", "startDeadlineSeconds": 600})
    assert life.visit(prepared(), waiting(), now=601, beside=Beside()).last.ends_for == "StartDeadlineExceeded"

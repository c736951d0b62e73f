"""From where a job stands to what is created, and when to look again."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Reason
from finetune_operator.api.status import Stage
from finetune_operator.planning.decide import (
    LONGEST_POLL_SECONDS,
    POLL_SECONDS,
    CreateCache,
    CreateClaim,
    CreateService,
    CreateStage,
    Needs,
    decide,
    look_again,
)
from finetune_operator.planning.ending import Ending
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.observing import observe
from finetune_operator.planning.rejection import Rejection
from finetune_operator.planning.standing import (
    BackingOff,
    Broken,
    CalledOff,
    Done,
    Fenced,
    Held,
    Leaving,
    Over,
    Refused,
    Standing,
    Underway,
    Wanted,
)
from tests.unit.planning.scene import a_job, at, ended_pod, pod, running_pod, scene, stage_job, stamp

BOOM = Ending("Error", Reason.ERROR, "boom")
REFUSAL = Rejection(Reason.INVALID_SPEC, "no", "spec")
WAITS = Rejection(Reason.DATASET_NOT_READY, "not yet", "spec.datasets[0].datasetRef", waits=True)


def underway(*pods: dict[str, object], ended: str | None = None, stage: Stage = "train") -> Underway:
    """An attempt with these pods."""
    return Underway(observe([stage_job(stage, ended=ended)], pods, Beside()).jobs[0])


TRAINS = underway(running_pod())

IDLE: dict[str, Standing] = {
    "is over": Over(),
    "is refused": Refused(REFUSAL, final=True),
    "is fenced": Fenced("train", ()),
    "backs off": BackingOff("train", at(10), BOOM),
    "is underway": TRAINS,
    "is told to end and its status does not say so yet": Leaving(TRAINS.job, Reason.CANCELLED, "", told=False),
    "is held": Held(),
    "was called off": CalledOff(Reason.CANCELLED, "cancelled"),
    "is done": Done(BOOM),
    "is broken": Broken(BOOM, Reason.ERROR, "boom"),
}


@pytest.mark.parametrize("standing", IDLE.values(), ids=IDLE)
def test_nothing_is_created_for_a_job_that(standing: Standing) -> None:
    assert decide(standing, Needs("prepare", "prepare")) == ()


@pytest.mark.parametrize(
    ("standing", "claims_for", "actions"),
    [
        (Wanted("prepare", 1), "prepare", (CreateClaim(), CreateStage("prepare", 1))),
        (Wanted("prepare", 2), "prepare", (CreateClaim(), CreateStage("prepare", 2))),
        (Wanted("prepare", 1), None, (CreateStage("prepare", 1),)),
        (Wanted("train", 1), "prepare", (CreateStage("train", 1),)),
        (Wanted("train", 1), "train", (CreateClaim(), CreateStage("train", 1))),
        (Wanted("train", 3), None, (CreateStage("train", 3),)),
    ],
)
def test_a_wanted_stage_is_created_and_the_claim_before_the_first(
    standing: Wanted,
    claims_for: Stage | None,
    actions: tuple[object, ...],
) -> None:
    assert decide(standing, Needs(claims_for)) == actions


def test_several_nodes_get_their_service_before_their_pods() -> None:
    service = CreateService("train", 2)
    assert decide(Wanted("train", 2), Needs("prepare", nodes=2)) == (service, CreateStage("train", 2))


def test_prepare_runs_in_one_pod_and_needs_no_service() -> None:
    assert decide(Wanted("prepare", 1), Needs(nodes=2)) == (CreateStage("prepare", 1),)


def test_a_cache_of_the_jobs_own_is_made_before_the_first_stage_too() -> None:
    first = Wanted("prepare", 1)
    assert decide(first, Needs("prepare", "prepare")) == (CreateClaim(), CreateCache(), CreateStage("prepare", 1))
    assert decide(first, Needs(None, "prepare")) == (CreateCache(), CreateStage("prepare", 1))
    assert decide(Wanted("train", 1), Needs(None, "prepare")) == (CreateStage("train", 1),)


AGAIN: dict[str, tuple[Standing, float | None]] = {
    "never when it is over": (Over(), None),
    "never when it is done": (Done(BOOM), None),
    "never when it is broken": (Broken(BOOM, Reason.ERROR, "boom"), None),
    "never when it is refused for good": (Refused(REFUSAL, final=True), None),
    "soon while the refusal may mend": (Refused(REFUSAL, final=False), 2.0),
    "rarely while it waits for what will wake it": (Refused(WAITS, final=False), LONGEST_POLL_SECONDS),
    "when the backoff ends": (BackingOff("train", at(7), BOOM), 7.0),
    "at once when the backoff has ended": (BackingOff("train", at(-7), BOOM), 0.1),
    "now and then while it waits for the cluster": (underway(pod()), POLL_SECONDS),
    "now and then while it has no pod": (underway(), POLL_SECONDS),
    "when its hours must be long over, while it trains": (underway(running_pod()), 1.25 * 3600 + 2 * 3600),
    "when it must be done, while it checks the data": (underway(running_pod("prepare"), stage="prepare"), 12 * 3600),
    "at once when what must be done was written down": (Leaving(TRAINS.job, Reason.SUSPENDED, "", told=False), 0.1),
    "now and then while it ends": (Leaving(TRAINS.job, Reason.SUSPENDED, "", told=True), POLL_SECONDS),
    "never while it is held": (Held(begun=True), None),
    "never when it was called off": (CalledOff(Reason.CANCELLED, "cancelled"), None),
    "now and then while the last word is out": (underway(running_pod(), ended="Failed"), POLL_SECONDS),
    "now and then after its container ended": (underway(ended_pod(code=1)), POLL_SECONDS),
    "now and then while it is fenced": (Fenced("train", ()), POLL_SECONDS),
    "now and then while it could not be started": (Wanted("train", 1), POLL_SECONDS),
}


@pytest.mark.parametrize(("waited", "seconds"), [(0, 10), (60, 10), (120, 20), (600, 100), (86_400, 600)])
def test_who_has_waited_long_is_looked_at_less_often(waited: float, seconds: float) -> None:
    assert look_again(underway(pod()), scene(a_job(), now=at(waited))) == seconds


@pytest.mark.parametrize(("waited", "seconds"), [(3000, 500), (3400, 200.1), (3600, 600)])
def test_the_end_of_its_patience_is_not_overslept(waited: float, seconds: float) -> None:
    patient = a_job({"startDeadlineSeconds": 3600})
    assert look_again(underway(pod()), scene(patient, now=at(waited))) == pytest.approx(seconds)


def test_who_was_placed_after_hours_is_looked_at_often_again() -> None:
    placed = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(at(36_000))}
    assert look_again(underway(pod(conditions=[placed])), scene(a_job(), now=at(36_030))) == POLL_SECONDS


def test_a_pod_that_was_told_to_end_is_looked_at_until_it_has() -> None:
    ending = running_pod()
    ending["metadata"]["deletionTimestamp"] = stamp(at(120))
    assert look_again(underway(ending), scene(a_job())) == POLL_SECONDS


@pytest.mark.parametrize(("standing", "seconds"), AGAIN.values(), ids=AGAIN)
def test_a_job_is_looked_at_again(standing: Standing, seconds: float | None) -> None:
    assert look_again(standing, scene(a_job())) == seconds


def test_a_job_whose_last_word_is_on_its_way_is_looked_at_soon() -> None:
    assert look_again(underway(ended="Failed"), scene(a_job(), now=at(100_000))) == 2.0

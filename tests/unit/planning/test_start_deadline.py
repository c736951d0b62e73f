"""A start that does not come about: given up by default only for what nobody mends by waiting."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.api.names import STAGE_LABEL
from finetune_operator.planning.assess import Blocked, assess
from finetune_operator.planning.decide import CreateStage, Remove
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.resolve import Admission
from finetune_operator.planning.stand import give_up_time
from finetune_operator.planning.standing import Leaving, Underway
from tests.unit.planning.scene import (
    a_job,
    at,
    container,
    hints,
    pod,
    prepared,
    resolved_for,
    running_pod,
    scene,
    stage_job,
)
from tests.unit.planning.visits import Life, Visit

HALF_AN_HOUR = 1800


def unpulled() -> Json:
    """A pod whose image cannot be pulled."""
    return broken("ImagePullBackOff", "no such image")


def unplaced(message: str) -> Json:
    """A pod that no node takes."""
    return pod(conditions=[{"type": "PodScheduled", "status": "False", "message": message}])


def broken(reason: str, message: str) -> Json:
    """A pod whose container cannot be made."""
    return pod(containerStatuses=[container({"waiting": {"reason": reason, "message": message}})])


def test_what_it_waited_for_is_told_at_the_end_whatever_was_said_between() -> None:
    life = Life({"startDeadlineSeconds": 600})
    told = life.visit(stage_job("prepare"), _prepare(unpulled()), now=601)
    assert "no such image" in (told.last.message or "")
    life.status = told.status.model_copy(update={"reason": "CreateFailed", "message": "the server is busy"})
    over = life.visit(now=605)
    assert over.status.failure is not None
    assert "no such image" in over.status.failure.message


def _prepare(body: Json) -> Json:
    body["metadata"]["labels"] |= {STAGE_LABEL: "prepare"}
    body["metadata"]["ownerReferences"][0]["uid"] = "job-prepare-1"
    return body


UNMENDED: dict[str, tuple[tuple[Json, ...], Beside]] = {
    "an image": ((unpulled(),), Beside()),
    "a claim": ((unplaced('persistentvolumeclaim "data" not found'),), Beside()),
    "a volume": ((pod(),), hints(("FailedMount", "secret not found"))),
    "a container": ((broken("CreateContainerConfigError", "no secret"),), Beside()),
    "an account": ((), hints(("FailedCreate", "error looking up service account team-a/x"))),
}
PATIENT: dict[str, tuple[tuple[Json, ...], Beside]] = {
    "a node": ((unplaced("0/3 nodes are available: 3 Insufficient nvidia.com/gpu."),), Beside()),
    "a quota": ((), hints(("FailedCreate", "exceeded quota"))),
    "its pod": ((), Beside()),
    "a large image": ((pod(),), hints(("Pulling", "pulling image"))),
}


@pytest.mark.parametrize(("pods", "beside"), UNMENDED.values(), ids=UNMENDED)
def test_by_default_half_an_hour_is_waited_for(pods: tuple[Json, ...], beside: Beside) -> None:
    life = Life()
    for now in (0, HALF_AN_HOUR - 1):
        before = life.visit(prepared(), stage_job(), *pods, now=now, beside=beside)
        assert isinstance(before.standing, Underway)
    asked = life.visit(prepared(), stage_job(), *pods, now=HALF_AN_HOUR, beside=beside)
    assert isinstance(asked.standing, Leaving)
    assert (asked.last.ends_for, asked.actions) == ("StartDeadlineExceeded", ())


@pytest.mark.parametrize(("pods", "beside"), UNMENDED.values(), ids=UNMENDED)
@pytest.mark.parametrize(("earlier", "told"), PATIENT.values(), ids=PATIENT)
def test_what_was_waited_for_before_is_none_of_the_half_hour(
    pods: tuple[Json, ...], beside: Beside, earlier: tuple[Json, ...], told: Beside
) -> None:
    life, day = Life(), 86_400
    life.visit(prepared(), stage_job(), *earlier, now=0, beside=told)
    for now in (day, day + HALF_AN_HOUR - 1):
        assert isinstance(life.visit(prepared(), stage_job(), *pods, now=now, beside=beside).standing, Underway)
    ends = life.visit(prepared(), stage_job(), *pods, now=day + HALF_AN_HOUR, beside=beside)
    assert isinstance(ends.standing, Leaving)


@pytest.mark.parametrize(("pods", "beside"), PATIENT.values(), ids=PATIENT)
def test_by_default_there_is_no_limit_for(pods: tuple[Json, ...], beside: Beside) -> None:
    seen = Life().visit(prepared(), stage_job(), *pods, now=30 * 86_400, beside=beside)
    assert isinstance(seen.standing, Underway)


@pytest.mark.parametrize(("pods", "beside"), [*UNMENDED.values(), *PATIENT.values()], ids=[*UNMENDED, *PATIENT])
def test_a_limit_of_the_jobs_own_counts_for(pods: tuple[Json, ...], beside: Beside) -> None:
    life = Life({"startDeadlineSeconds": 60})
    assert isinstance(life.visit(prepared(), stage_job(), *pods, now=59, beside=beside).standing, Underway)
    assert isinstance(life.visit(prepared(), stage_job(), *pods, now=60, beside=beside).standing, Leaving)


def test_the_failure_says_what_was_in_the_way() -> None:
    life = Life()
    for now in (0, HALF_AN_HOUR):
        life.visit(prepared(), stage_job(), unpulled(), now=now)
    going = life.visit(prepared(), stage_job(), unpulled(), now=HALF_AN_HOUR + 1)
    assert [type(action) for action in going.actions] == [Remove]
    over = life.visit(prepared(), now=HALF_AN_HOUR + 2)
    assert over.words == (Phase.FAILED, Reason.START_DEADLINE_EXCEEDED)
    assert over.status.message == "not started within 1800 s: ImagePullBackOff: no such image"
    assert over.status.failure is not None
    assert (over.status.failure.message, over.status.failure.code) == (over.status.message, "StartDeadlineExceeded")
    assert "restartGeneration" in (over.status.failure.advice or "")
    assert over.last.outcome == "Requested"


def test_the_check_of_the_data_is_given_up_too() -> None:
    waiting = pod("prepare", containerStatuses=[container({"waiting": {"reason": "ErrImagePull", "message": "no"}})])
    life = Life()
    assert isinstance(life.visit(stage_job("prepare"), waiting).standing, Underway)
    assert isinstance(life.visit(stage_job("prepare"), waiting, now=HALF_AN_HOUR).standing, Leaving)


def test_once_it_runs_no_deadline_of_the_start_counts() -> None:
    life = Life({"startDeadlineSeconds": 60})
    assert isinstance(life.visit(prepared(), stage_job(), running_pod(since=at(59)), now=600).standing, Underway)


def refused(life: Life, *children: Json | tuple[Json, ...], now: float) -> Visit:
    """A visit at which the API server does not take what is to be created, and the status that tells it."""
    seen = life.visit(*children, now=now)
    plan = Admission(seen.status.resolved or resolved_for(seen.view.job))
    life.status = assess(seen.view, seen.standing, plan, Blocked(Reason.CREATE_FAILED, "the server is busy"))
    return seen


class TestACreationThatIsRefused:
    """By a quota on Jobs, or an admission webhook: there is no child that could be waited for."""

    def test_is_tried_for_ever_without_a_limit_of_the_jobs_own(self) -> None:
        assert give_up_time(scene(a_job(), now=at(86_400))) is None

    def test_is_given_up_so_long_after_it_was_refused_first(self) -> None:
        life = Life({"startDeadlineSeconds": 60})
        assert give_up_time(refused(life, now=5).view) == at(65)
        assert give_up_time(refused(life, now=30).view) == at(65)

    def test_is_not_given_up_for_what_took_its_time_before(self) -> None:
        life = Life({"startDeadlineSeconds": 600})
        life.visit(stage_job("prepare"), running_pod("prepare"))
        first = refused(life, prepared(), now=660)
        assert first.actions == (CreateStage("train", 1),)
        assert give_up_time(first.view) == at(1260)
        assert give_up_time(refused(life, prepared(), now=700).view) == at(1260)

    def test_is_not_given_up_for_the_time_that_the_job_was_suspended(self) -> None:
        life = Life({"startDeadlineSeconds": 60, "suspend": True})
        life.visit()
        life.asks(suspend=False)
        resumed = refused(life, now=86_400)
        assert resumed.actions == (CreateStage("prepare", 1),)
        assert give_up_time(resumed.view) == at(86_460)
        assert give_up_time(refused(life, now=86_410).view) == at(86_460)

    def test_is_not_given_up_for_the_run_before(self) -> None:
        life = Life({"startDeadlineSeconds": 60, "cancel": True})
        life.visit()
        life.asks(cancel=False, restartGeneration=1)
        assert give_up_time(refused(life, now=86_400).view) == at(86_460)
        assert give_up_time(refused(life, now=86_410).view) == at(86_460)

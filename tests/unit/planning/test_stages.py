"""The stages of the present run, for people who come later than the Events."""

from __future__ import annotations

from finetune_operator.api.status import StageRecord
from tests.unit.planning.scene import at, ended, in_run, prepared, running_pod, stage_job, verdict
from tests.unit.planning.visits import Life, Visit


def phases(seen: Visit) -> dict[str, str]:
    """Where each stage is."""
    return {stage.name: stage.phase for stage in seen.status.stages}


def stage(seen: Visit, name: str) -> StageRecord:
    """One of them."""
    return next(each for each in seen.status.stages if each.name == name)


def test_before_the_first_attempt_there_is_nothing_to_tell() -> None:
    assert Life().visit().status.stages == ()


def test_a_life_is_told_stage_by_stage() -> None:
    life = Life()
    assert phases(life.visit(stage_job("prepare"), now=1)) == {"prepare": "Running", "train": "Pending"}
    seen = life.visit(prepared(), stage_job(created=at(30)), now=30)
    assert phases(seen) == {"prepare": "Succeeded", "train": "Running"}
    assert (stage(seen, "prepare").end_time, stage(seen, "prepare").message) == (at(30), "it completed")
    done = life.visit(prepared(), ended(message=verdict("completed")), now=60)
    assert phases(done) == {"prepare": "Succeeded", "train": "Succeeded"}
    assert (stage(done, "train").start_time, stage(done, "train").end_time) == (at(30), at(60))


def test_publish_is_a_stage_only_of_a_job_that_has_it() -> None:
    seen = Life({"output": {"merge": "merged"}}).visit(stage_job("prepare"))
    assert phases(seen) == {"prepare": "Running", "train": "Pending", "publish": "Pending"}


def test_between_two_attempts_a_stage_waits_and_keeps_its_start() -> None:
    life = Life()
    life.visit(prepared(), stage_job(created=at(5)), now=5)
    waits = life.visit(prepared(), ended(code=1), now=20)
    assert (phases(waits)["train"], stage(waits, "train").end_time) == ("Pending", None)
    again = life.visit(prepared(), ended(code=1), stage_job(attempt=2, created=at(40)), now=40)
    assert (phases(again)["train"], stage(again, "train").start_time, stage(again, "train").attempt) == (
        "Running",
        at(5),
        2,
    )


def test_its_start_is_kept_when_its_first_attempt_is_dropped() -> None:
    life, now = Life({"backoffLimit": 100}), 0.0
    life.visit(prepared(), stage_job(), running_pod())
    for number in range(1, 13):
        now += 400
        life.visit(prepared(), ended(attempt=number, code=1), now=now)
        seen = life.visit(prepared(), stage_job(attempt=number + 1, created=at(now)), now=now + 1)
    assert stage(seen, "train").start_time == at(0)
    assert all(attempt.number > 1 for attempt in seen.status.attempts if attempt.stage == "train")


def test_what_was_asked_to_end_has_stopped() -> None:
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    life.asks(suspend=True)
    life.visit(prepared(), stage_job(), running_pod(), now=1)
    assert phases(life.visit(prepared(), now=9))["train"] == "Stopped"
    life.asks(cancel=True)
    over = life.visit(prepared(), now=10)
    assert (phases(over)["train"], stage(over, "train").end_time) == ("Stopped", at(9))


def test_what_ended_the_job_has_failed_with_its_message() -> None:
    seen = Life().visit(ended("prepare", code=64, message=verdict("userError", message="m" * 500)))
    assert phases(seen) == {"prepare": "Failed", "train": "Pending"}
    assert stage(seen, "prepare").message == "m" * 96


def test_a_new_run_has_stages_of_its_own() -> None:
    life = Life()
    life.visit(prepared(), ended(message=verdict("completed")))
    life.asks(restartGeneration=1)
    assert life.visit(now=100).status.stages == ()
    seen = life.visit(*in_run(1, stage_job("prepare", 2, created=at(100))), now=101)
    assert phases(seen) == {"prepare": "Running", "train": "Pending"}
    assert (stage(seen, "prepare").start_time, stage(seen, "prepare").attempt) == (at(100), 2)

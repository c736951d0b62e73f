"""GPU memory ran out: once in a run half the rows are tried, where the batch as a whole stays what it was."""

from __future__ import annotations

import pytest

from finetune_operator.api.conditions import Phase, Reason
from finetune_operator.api.model import Json
from finetune_operator.planning.decide import CreateStage
from finetune_operator.planning.resolving.smaller_batch import smaller_batch
from finetune_operator.planning.run_config import Run, run_document
from tests.unit.planning.scene import (
    a_job,
    at,
    ended,
    in_run,
    prepared,
    pushed,
    resolved_for,
    running_pod,
    stage_job,
    verdict,
)
from tests.unit.planning.visits import Life

FULL = verdict("outOfMemory", message="CUDA out of memory")
ROBOT: Json = {
    "jobType": "vla",
    "model": {"name": "org/policy", "type": "smolvla"},
    "datasets": [{"name": "a", "uri": "hf://org/shirts"}],
    "cameraMappings": {"top": "observation.images.top"},
}


def ran_out(attempt: int = 1) -> tuple[Json, ...]:
    """An attempt that ended so."""
    return ended(attempt=attempt, code=66, message=FULL)


def once(**spec: object) -> Life:
    """A job whose first attempt ran out of memory."""
    life = Life(spec)
    life.visit(prepared(), stage_job(), running_pod())
    life.visit(prepared(), ran_out(), stage_job(attempt=2), now=1)
    return life


def test_the_next_attempt_holds_half_as_many_rows_at_once() -> None:
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    seen = life.visit(prepared(), ran_out(), now=1)
    assert seen.actions == (CreateStage("train", 2, halvings=1),)
    assert (seen.words, seen.status.retries) == ((Phase.PENDING, Reason.RETRYING), 0)
    assert (seen.last.outcome, seen.last.reason) == ("UserError", "OutOfMemory")
    assert seen.status.resolved is not None
    hardware = run_document(Run(seen.view.job, seen.status.resolved, "train", 2, halvings=1))["hardware"]
    assert hardware["halvings"] == 1


def test_one_row_at_once_cannot_be_halved() -> None:
    life = Life()
    first = life.visit(prepared(), stage_job(), running_pod())
    assert first.status.resolved is not None
    resolved = first.status.resolved.model_copy(update={"micro_batch_size": 1})
    life.status = first.status.model_copy(update={"resolved": resolved})
    assert life.visit(prepared(), ran_out(), now=1).words == (Phase.FAILED, Reason.OUT_OF_MEMORY)


def test_a_second_time_in_the_same_run_is_the_end() -> None:
    over = once().visit(prepared(), ran_out(), ran_out(2), now=2)
    assert (over.words, over.actions) == ((Phase.FAILED, Reason.OUT_OF_MEMORY), ())
    assert over.status.failure is not None
    assert (over.status.failure.cause, over.status.failure.code) == ("User", "OutOfMemory")
    assert "more GPU memory" in (over.status.failure.advice or "")


def test_attempts_after_it_stay_halved() -> None:
    follows = once().visit(prepared(), ran_out(), ended(attempt=2, code=143), now=2)
    assert follows.actions == (CreateStage("train", 3, halvings=1),)


def test_it_stays_halved_however_many_attempts_the_platform_ends() -> None:
    life, now = once(), 1
    for number in range(2, 16):
        now += 400
        word = verdict("retry", attempt=number, step=10 * number)
        life.visit(prepared(), ended(attempt=number, code=75, message=word), now=now)
        follows = life.visit(prepared(), stage_job(attempt=number + 1), now=now + 1)
        assert len(follows.status.attempts) <= 8
    over = life.visit(prepared(), ran_out(16), now=now + 2)
    assert over.words == (Phase.FAILED, Reason.OUT_OF_MEMORY)


def test_attempts_that_the_record_has_dropped_are_no_news_beside_it() -> None:
    """Their Jobs stay until the job is over."""
    life, there = (
        once(),
        [prepared(), ran_out(), ended(attempt=2, code=1, message=verdict("failed", attempt=2, step=3))],
    )
    now = 1
    for number in range(3, 12):
        now += 400
        word = verdict("retry", attempt=number, step=10 * number)
        there.append(ended(attempt=number, code=75, message=word))
        life.visit(*there, now=now)
        seen = life.visit(*there, stage_job(attempt=number + 1), running_pod(attempt=number + 1), now=now + 1)
    beside = pushed(attempt=12, step=115, received_at=at(now + 2))
    for _ in range(2):
        seen = life.visit(*there, stage_job(attempt=12), running_pod(attempt=12), now=now + 2, beside=beside)
        assert seen.status.progress is not None
        assert (seen.status.retries, seen.status.progress.step) == (1, 115)


def test_a_new_run_may_halve_again() -> None:
    life = once()
    life.visit(prepared(), ran_out(2), now=2)
    life.asks(restartGeneration=1)
    report = {"rows": 48, "tokens": 1932}
    checked = in_run(1, *ended("prepare", 2, message=verdict(stage="prepare", attempt=2, report=report)))
    assert life.visit(*checked, now=9).actions == (CreateStage("train", 3),)
    seen = life.visit(*checked, *in_run(1, *ran_out(3)), now=10)
    assert seen.actions == (CreateStage("train", 4, halvings=1),)


def test_a_robot_policy_has_no_rows_to_accumulate() -> None:
    life = Life(ROBOT)
    life.visit(prepared(), stage_job(), running_pod())
    assert life.visit(prepared(), ran_out(), now=1).words == (Phase.FAILED, Reason.OUT_OF_MEMORY)


@pytest.mark.parametrize(
    ("batch", "remedy"),
    [
        (
            64,
            "at once, 32 rows: set hyperparameters.batchSize to 32, now 64, or choose an instance type with more GPU memory",
        ),
        (2, "at once, 1 row: choose an instance type with more GPU memory"),
    ],
)
def test_a_robot_policy_is_told_the_batch_that_may_fit(batch: int, remedy: str) -> None:
    life = Life(ROBOT | {"hyperparameters": {"batchSize": batch}})
    first = life.visit(prepared(), stage_job(), running_pod())
    assert first.status.resolved is not None
    two = resolved_for(first.view.job, gpu={"count": 2})
    life.status = first.status.model_copy(update={"resolved": two})
    over = life.visit(prepared(), ran_out(), now=1)
    assert over.status.message is not None
    assert over.status.message.startswith("CUDA out of memory; LeRobot accumulates no gradients")
    assert over.status.message.endswith(remedy)


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("lerobot", "LeRobot accumulates"),
        ("groot-n15", "the trainer of GR00T N1.5 accumulates"),
        ("groot-n16", "the trainer of GR00T N1.6 accumulates"),
        ("trl", None),
    ],
)
def test_the_remedy_names_the_trainer_that_it_is_about(family: str, words: str | None) -> None:
    resolved = resolved_for(a_job(ROBOT | {"hyperparameters": {"batchSize": 64}}))
    assert resolved.model is not None
    told = smaller_batch(resolved.model_copy(update={"model": resolved.model.model_copy(update={"family": family})}))
    assert (told or "").startswith(words or "")
    assert (told is None) == (words is None)


@pytest.mark.parametrize("limit", [0, 3])
def test_it_does_not_count_against_the_limit_of_retries(limit: int) -> None:
    life = Life({"backoffLimit": limit})
    life.visit(prepared(), stage_job(), running_pod())
    seen = life.visit(prepared(), ran_out(), now=1)
    assert (seen.actions, seen.status.retries) == ((CreateStage("train", 2, halvings=1),), 0)


def test_memory_of_the_host_is_not_mended_by_fewer_rows() -> None:
    life = Life()
    life.visit(prepared(), stage_job(), running_pod())
    job, pod = ended(code=137)
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = "OOMKilled"
    assert life.visit(prepared(), job, pod, now=1).words == (Phase.FAILED, Reason.OOM_KILLED)


def test_only_the_training_is_tried_with_fewer_rows() -> None:
    """A stage on CPU that says so would otherwise be made again for ever."""
    word = verdict("outOfMemory", stage="prepare")
    assert Life().visit(ended("prepare", code=66, message=word)).words == (Phase.FAILED, Reason.OUT_OF_MEMORY)

"""The judge of the soak sees what must not be, and nothing else."""

from __future__ import annotations

from finetune_operator.api.model import Json
from finetune_operator.api.names import ATTEMPT_LABEL, STAGE_LABEL, UID_LABEL
from tests.soak.judge import Judge, expected_of


def child(uid: str, attempt: int = 1, phase: str = "Running") -> Json:
    labels = {UID_LABEL: "u-1", STAGE_LABEL: "train", ATTEMPT_LABEL: str(attempt)}
    return {"metadata": {"name": f"child-{uid}", "uid": uid, "labels": labels}, "status": {"phase": phase}}


def job(phase: str, generation: int = 1, attempts: tuple[Json, ...] = ()) -> Json:
    status = {"phase": phase, "attempts": list(attempts)}
    return {"metadata": {"name": "job-1", "generation": generation}, "status": status}


def test_an_attempt_with_a_second_job_is_a_violation_even_after_the_first_is_gone() -> None:
    judge = Judge()
    judge.job("ADDED", child("a"))
    judge.job("DELETED", child("a"))
    assert judge.violations == []
    judge.job("ADDED", child("b"))
    assert judge.violations == ["child-b: 2 Jobs were made of attempt 1 of train"]


def test_two_pods_that_can_write_at_once_are_a_violation() -> None:
    judge = Judge()
    judge.pod("ADDED", child("a", 1))
    judge.pod("ADDED", child("b", 2, "Pending"))
    assert judge.violations == ["child-b: pods that can write at once: train-1, train-2"]


def test_a_pod_that_follows_one_that_has_ended_or_is_gone_is_none() -> None:
    judge = Judge()
    judge.pod("ADDED", child("a", 1))
    judge.pod("MODIFIED", child("a", 1, "Failed"))
    judge.pod("ADDED", child("b", 2))
    judge.pod("DELETED", child("b", 2))
    judge.pod("ADDED", child("c", 3))
    assert judge.violations == []


def test_an_end_that_is_left_again_is_a_violation() -> None:
    judge = Judge()
    judge.fine_tune_job("MODIFIED", job("Succeeded"))
    judge.fine_tune_job("MODIFIED", job("Succeeded"))
    assert (judge.violations, judge.ended) == ([], {"job-1": "Succeeded"})
    judge.fine_tune_job("MODIFIED", job("Running"))
    assert judge.violations == ["job-1: it was Succeeded and is Running"]


def test_a_spec_that_changes_is_a_violation() -> None:
    judge = Judge()
    judge.fine_tune_job("MODIFIED", job("Running", generation=2))
    assert judge.violations == ["job-1: its spec was written"]


def test_an_end_that_its_fates_do_not_explain_is_a_violation() -> None:
    judge = Judge()
    expected = expected_of(lambda stage, number: "Platform" if (stage, number) == ("train", 1) else "Succeeded")
    words = ["prepare-1 Succeeded", "train-1 Platform", "train-2 Succeeded"]
    assert expected == {"phase": "Succeeded", "attempts": words}
    told = [word.split() for word in words]
    attempts = [{"stage": w[0].split("-")[0], "number": int(w[0].split("-")[1]), "outcome": w[1]} for w in told]
    judge.at_the_end(job("Succeeded", attempts=tuple(attempts)), expected)
    assert judge.violations == []
    judge.at_the_end(job("Succeeded", attempts=tuple(attempts[:2])), expected)
    assert len(judge.violations) == 1


def test_data_at_fault_end_a_job_at_once() -> None:
    assert expected_of(lambda *_: "UserError") == {"phase": "Failed", "attempts": ["prepare-1 UserError"]}

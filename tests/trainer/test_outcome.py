"""What an end means when the training process did not say it."""

from __future__ import annotations

import signal

import pytest

from trainer.outcome import (
    Circumstances,
    end_without_verdict,
    is_overdue,
    only_follows,
    overdue_end,
    process_exit_code,
)
from trainer.workspace.ledger import Ledger


@pytest.mark.parametrize(
    ("seen", "result", "code"),
    [
        (Circumstances([-signal.SIGKILL], memory_kills=1), "failed", "HostOutOfMemory"),
        (Circumstances([-signal.SIGKILL]), "failed", "Killed"),
        (Circumstances([-signal.SIGSEGV]), "failed", "Crashed"),
        (Circumstances([3]), "failed", "NoVerdict"),
        (Circumstances([0]), "failed", "NoVerdict"),
        (Circumstances([-signal.SIGTERM, 3]), "failed", "NoVerdict"),
        (Circumstances([-signal.SIGTERM], asked_to_end=True), "retry", "Terminated"),
        (Circumstances([-signal.SIGKILL], asked_to_end=True), "retry", "Terminated"),
        (Circumstances([-signal.SIGKILL], asked_to_end=True, memory_kills=1), "failed", "HostOutOfMemory"),
    ],
)
def test_an_end_without_a_verdict_is_told_from_outside(seen: Circumstances, result: str, code: str) -> None:
    end = end_without_verdict(seen)
    assert (end.result, end.code) == (result, code)


def test_the_exit_code_tells_the_signal_of_a_failure_and_else_the_verdict() -> None:
    assert process_exit_code(1, Circumstances([-9])) == 137
    assert process_exit_code(1, Circumstances([5])) == 1
    assert process_exit_code(75, Circumstances([-15], asked_to_end=True)) == 75


def test_a_process_that_was_ended_because_another_failed_does_not_make_it_a_termination() -> None:
    assert process_exit_code(1, Circumstances([1, -signal.SIGTERM])) == 1
    assert process_exit_code(1, Circumstances([-signal.SIGTERM, -signal.SIGKILL])) == 137
    assert process_exit_code(1, Circumstances([-signal.SIGTERM, 0])) == 143


def test_only_a_wide_overrun_is_overdue() -> None:
    assert not is_overdue(Ledger(0, 1400, budget_seconds=1000), budget=1000, used_before=0)
    assert is_overdue(Ledger(0, 1401, budget_seconds=1000), budget=1000, used_before=0)
    assert not is_overdue(Ledger(0, 1401, budget_seconds=2000), budget=1000, used_before=0)
    assert not is_overdue(Ledger(0, 5000, budget_seconds=1000), budget=1000, used_before=5000)
    assert (
        "budget of 1000 s was used up and was ended after 1401 s" in overdue_end(Ledger(0, 1401), budget=1000).message
    )


@pytest.mark.parametrize(
    ("codes", "follows"),
    [
        ([-signal.SIGKILL, 75, 75], True),  # a process of this pod was killed, and the others noticed
        ([1, 75], True),
        ([75, 75], False),  # another pod was lost
        ([75, -signal.SIGKILL], False),  # and one that hung in a collective was killed by PID 1
    ],
)
def test_the_loss_of_a_process_of_this_pod_is_told_by_how_it_ended(codes: list[int], *, follows: bool) -> None:
    assert only_follows({"code": "PeerLost"}, Circumstances(codes)) == follows
    assert not only_follows({"code": "Terminated"}, Circumstances(codes))

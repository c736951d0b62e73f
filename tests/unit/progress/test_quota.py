"""How often each may come."""

from __future__ import annotations

from finetune_operator.reconciler.progress.quota import Quota
from tests.unit.progress.stories import Clock


def test_a_burst_is_granted_and_then_one_per_second() -> None:
    clock = Clock()
    quota = Quota(1, 3, clock.monotonic)
    assert [quota.take("a") for _ in range(4)] == [0, 0, 0, 1]
    clock.pass_(1)
    assert [quota.take("a") for _ in range(2)] == [0, 1]


def test_one_does_not_pay_for_another() -> None:
    quota = Quota(1, 1, Clock().monotonic)
    assert [quota.take(name) for name in "aab"] == [0, 1, 0]


def test_a_refusal_costs_nothing() -> None:
    clock = Clock()
    quota = Quota(1, 1, clock.monotonic)
    for _ in range(100):
        quota.take("a")
    clock.pass_(1)
    assert quota.take("a") == 0


def test_names_beyond_the_limit_are_forgotten_the_quietest_first() -> None:
    quota = Quota(1, 1, Clock().monotonic, most_names=2)
    for name in "abc":
        quota.take(name)
    assert quota.take("c") > 0
    assert quota.take("a") == 0

"""The token bucket: so many at once, so many per second after that."""

from __future__ import annotations

import pytest

from finetune_operator.cluster.bucket import TokenBucket
from tests.support.clock import HandClock


def test_a_burst_goes_at_once_and_what_follows_waits_its_turn() -> None:
    bucket = TokenBucket(rate=10, burst=3, clock=HandClock())

    assert [bucket.reserve() for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])


def test_a_pause_fills_the_bucket_again_but_not_more() -> None:
    clock = HandClock()
    bucket = TokenBucket(rate=10, burst=3, clock=clock)
    for _ in range(3):
        bucket.reserve()

    clock.pass_(60)

    assert [bucket.reserve() for _ in range(4)] == pytest.approx([0, 0, 0, 0.1])


def test_in_the_long_run_the_rate_holds() -> None:
    clock = HandClock()
    bucket = TokenBucket(rate=50, burst=100, clock=clock)
    start = clock.now
    for _ in range(1_100):
        clock.pass_(bucket.reserve())

    assert clock.now - start == pytest.approx(20)

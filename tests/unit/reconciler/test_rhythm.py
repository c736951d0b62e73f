"""How often trainers are asked to report: as they like while they are few, less the more they are."""

from __future__ import annotations

import pytest

from finetune_operator.reconciler.post import rhythm


@pytest.mark.parametrize(
    ("reporters", "seconds"), [(0, None), (250, None), (251, 6), (1_000, 20), (5_000, 100), (10**6, 300)]
)
def test_all_together_keep_to_fifty_reports_a_second(reporters: int, seconds: int | None) -> None:
    assert rhythm(reporters, None) == ({} if seconds is None else {"reportSeconds": seconds})


@pytest.mark.parametrize(("stall", "seconds"), [(60, 30), (150, 75), (600, 100)])
def test_a_job_that_takes_silence_for_a_stall_is_heard_twice_before(stall: int, seconds: int) -> None:
    assert rhythm(5_000, stall) == {"reportSeconds": seconds}

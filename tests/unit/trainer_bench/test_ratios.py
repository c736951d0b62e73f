"""The trainer benchmark's statistics, and what it reads from lines."""

from __future__ import annotations

import random

import pytest

from tests.trainer_bench.ratios import FIRST_STEP, STEP, Aim, Pair, Ratio, judged, ratio_of
from tests.trainer_bench.timing import Clock, Timed, logged_steps, share_of_waiting, steps_of_lerobot, steps_of_trl


def test_pairs_that_agree_have_an_interval_of_no_width() -> None:
    found = ratio_of([Pair(1.5, 1.0)] * 5, seed=1)
    assert found == Ratio(1.5, 1.5, 1.5, 5)


def test_the_median_stands_an_outlier_and_the_interval_shows_it() -> None:
    found = ratio_of([*([Pair(1.0, 1.0)] * 4), Pair(4.0, 1.0)], seed=1)
    assert found.median == 1.0
    assert (found.low, found.high) == (1.0, 4.0)


def test_the_same_seed_gives_the_same_interval_and_more_pairs_a_narrower_one() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    pairs = [Pair(1 + chance.uniform(-0.3, 0.3), 1.0) for _ in range(60)]

    few, many = ratio_of(pairs[:6], seed=3), ratio_of(pairs, seed=3)

    assert ratio_of(pairs[:6], seed=3) == few
    assert many.high - many.low < few.high - few.low


def test_the_interval_of_ninety_five_percent_has_the_truth_within_about_as_often() -> None:
    chance = random.Random(11)  # noqa: S311 - no secret
    held = 0
    for _ in range(40):
        pairs = [Pair(chance.gauss(1.0, 0.1), 1.0) for _ in range(15)]
        found = ratio_of(pairs, seed=5)
        held += found.low <= 1.0 <= found.high
    assert held >= 33


def test_fewer_than_five_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="4 pairs are too few"):
        ratio_of([Pair(1, 1)] * 4, seed=1)


@pytest.mark.parametrize(
    ("low", "high", "aim", "verdict"),
    [
        (0.98, 1.01, STEP, "met"),
        (0.98, 1.04, STEP, "open"),
        (1.03, 1.30, STEP, "missed"),
        (1.051, 1.30, STEP, "failed"),
        (1.20, 1.30, FIRST_STEP, "missed"),
        (1.20, 1.30, Aim(1.1, 1.15), "failed"),
    ],
)
def test_only_an_interval_that_begins_above_the_bound_is_a_failure(
    low: float, high: float, aim: Aim, verdict: str
) -> None:
    assert judged(Ratio((low + high) / 2, low, high, 5), aim) == verdict


def test_seconds_of_a_step_leave_the_first_one_out() -> None:
    timed = Timed((12.0, 12.5, 13.0, 13.6))
    assert timed.first == 12.0
    assert timed.per_step == pytest.approx(0.5)


def test_steps_are_read_from_the_lines_of_both_programs() -> None:
    lerobot, trl = Clock(), Clock()
    line = "INFO 2026-11-21 ot_train.py:435 step:5 smpl:20 ep:1 epch:0.50 loss:61.310 updt_s:4.0 data_s:1.0"
    steps_of_lerobot(lerobot)(line)
    steps_of_lerobot(lerobot)("INFO cfg.steps=5 (5)")
    for words in ("{'loss': '2.1', 'epoch': '1'}", "{'train_loss': 2.0}", "{'loss': '1.9', 'epoch': '2'}"):
        steps_of_trl(trl)(words)

    assert list(lerobot.seen) == [5]
    assert list(trl.seen) == [1, 2]
    assert share_of_waiting(['{"step": 1, "dataShare": 0.2}', '{"step": 2, "dataShare": 0.4}']) == pytest.approx(0.3)
    assert share_of_waiting(['{"step": 1}']) is None
    assert list(logged_steps(['{"step": 1, "loss": 2}', '{"step": 2, "evalLoss": 2}'])) == [1]

"""The curve: bounded, evenly spread, always the same for the same reports, and without what was trained in vain."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_operator.planning.curve import MOST_POINTS, MOST_SERIES, Curve

Points = list[tuple[int, float]]


def drawn(points: Points, most: int = MOST_POINTS, name: str = "loss") -> Curve:
    curve = Curve(most)
    for step, value in points:
        curve.add(step, {name: value})
    return curve


def points(curve: Curve, name: str = "loss") -> Points:
    found = json.loads(curve.document())["metrics"].get(name, {"steps": [], "values": []})
    return list(zip(found["steps"], found["values"], strict=True))


def test_a_short_curve_is_kept_whole() -> None:
    given_points = [(1, 2.5), (2, 2.25), (5, 2.0)]
    assert points(drawn(given_points)) == given_points


def test_a_long_curve_has_200_points_with_the_first_and_the_last() -> None:
    curve = points(drawn([(step, 1 / step) for step in range(1, 10_001)]))
    assert len(curve) == 200
    assert (curve[0][0], curve[-1][0]) == (1, 10_000)


def test_the_points_of_a_long_curve_are_spread_evenly() -> None:
    steps = [step for step, _ in points(drawn([(step, 1 / step) for step in range(1, 10_001)]))]
    gaps = [after - before for before, after in pairwise(steps)]
    assert max(gaps) <= 4 * (10_000 / 200)


@given(st.lists(st.tuples(st.integers(-5, 3000), st.floats(allow_nan=True)), max_size=300), st.integers(3, 20))
def test_whatever_is_reported_steps_rise_and_there_are_never_too_many(reports: Points, most: int) -> None:
    steps = [step for step, _ in points(drawn(reports, most))]
    assert steps == sorted(set(steps))
    assert len(steps) <= most


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(-9, 9)), min_size=1, max_size=60), st.data())
def test_a_curve_that_another_operator_goes_on_with_reads_the_same(reports: Points, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(reports)))
    resumed = Curve.parse(drawn(reports[:cut]).document())
    for step, value in reports[cut:]:
        resumed.add(step, {"loss": value})
    assert resumed.document() == drawn(reports).document()


def test_a_plateau_keeps_its_two_ends() -> None:
    assert points(drawn([(step, 1e-4) for step in range(1, 50)])) == [(1, 1e-4), (49, 1e-4)]


def test_a_value_of_an_evaluation_stands_where_it_was_measured() -> None:
    reports = [(10, 2.0), (11, 2.0), (19, 2.0), (20, 1.5), (21, 1.5)]
    assert points(drawn(reports, name="evalLoss"), "evalLoss") == [(10, 2.0), (20, 1.5)]


def test_what_is_trained_again_after_a_kill_replaces_what_was_lost() -> None:
    curve = drawn([(100, 2.0), (110, 1.9), (120, 1.8)])
    curve.add(105, {"loss": 1.95})
    assert points(curve) == [(100, 2.0), (105, 1.95)]


def test_what_is_lost_goes_from_every_metric() -> None:
    curve = drawn([(100, 2.0), (120, 1.8)], name="evalLoss")
    curve.add(105, {"loss": 1.95})
    assert points(curve, "evalLoss") == [(100, 2.0)]


def test_a_later_part_that_begins_before_the_end_replaces_it_too() -> None:
    curve = drawn([(100, 2.0), (120, 1.8)]).extended(drawn([(110, 1.7), (115, 1.6)]))
    assert points(curve) == [(100, 2.0), (110, 1.7), (115, 1.6)]


def test_the_same_step_again_replaces_its_value() -> None:
    assert points(drawn([(100, 2.0), (100, 1.9)])) == [(100, 1.9)]


def test_step_0_is_no_point_and_takes_none_away() -> None:
    assert points(drawn([(0, 9.0), (5, 2.0), (0, 9.0)])) == [(5, 2.0)]


def test_new_names_without_end_are_not_taken() -> None:
    curve = Curve()
    for step in range(1, 500):
        curve.add(step, {f"metric-{step}": 1.0})
    assert len(list(curve)) == MOST_SERIES


def test_64_metrics_with_200_points_each_fit_into_a_config_map() -> None:
    curve = Curve()
    for step in range(10**6, 10**6 + 1000):
        curve.add(step, {f"a-name-of-some-length-{number}": -1.23456789e-05 * step for number in range(64)})
    assert len(curve.document()) < 512 * 1024


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{", '{"metrics": 1}', '{"metrics": {"loss": 1}}', '{"metrics": {"loss": {"steps": [1]}}}'),
        '{"metrics": {"loss": {"steps": [1, 2], "values": [1]}}}',
        '{"metrics": {"loss": {"steps": [1e999], "values": [1]}}}',
        '{"metrics": {"loss": {"steps": [100000000000000000000], "values": [1]}}}',
    ],
)
def test_what_somebody_broke_by_hand_is_begun_anew(text: str) -> None:
    assert not Curve.parse(text)

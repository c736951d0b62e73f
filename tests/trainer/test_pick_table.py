"""The table of the robot demo: what moves, what is caught, and when the task is done."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest

from trainer.pick.dice import dice
from trainer.pick.table import (
    ASIDE,
    BLOCK_SIDE,
    FAR,
    GRASP,
    HALF_CLOSED,
    REACH,
    SLACK,
    ZONE,
    ZONE_SIDE,
    Action,
    Point,
    Table,
    done,
    laid,
    moved,
)  # fmt: skip

MIDDLE = Table(gripper=Point(0.5, 0.5), grip=0.0, block=Point(0.5, 0.5))
STAY = Action(0.0, 0.0, 0.0)
CLOSE = Action(0.0, 0.0, 1.0)
SLIP = 6 * SLACK  # what the motors do beside what they were told is less, but for one case in a billion


class Exact(Random):
    """Motors that do what they are told."""

    def gauss(  # type: ignore[explicit-override]  # Python 3.11 has no override
        self, mu: float = 0.0, sigma: float = 1.0
    ) -> float:
        """The mean."""
        del sigma
        return mu


def test_the_same_seed_lays_the_same_table_and_another_seed_another() -> None:
    assert laid(dice(7)) == laid(dice(7)) != laid(dice(8))


@pytest.mark.parametrize("seed", range(50))
def test_the_block_lies_apart_from_zone_and_gripper_and_on_the_table(seed: int) -> None:
    table = laid(dice(seed))

    assert table.block.distance(ZONE) >= FAR
    assert table.block.distance(table.gripper) >= ASIDE
    assert min(table.block.x, table.block.y) >= BLOCK_SIDE / 2
    assert max(table.block.x, table.block.y) <= 1 - BLOCK_SIDE / 2
    assert not done(table)


def test_full_speed_is_one_reach_and_more_is_no_faster() -> None:
    for speed in (1.0, 5.0):
        after = moved(MIDDLE, Action(speed, -speed, 0.0), Exact())
        assert (after.gripper.x, after.gripper.y) == pytest.approx((0.5 + REACH, 0.5 - REACH))


def test_motors_slip_a_little_and_by_their_seed() -> None:
    once, again = (moved(MIDDLE, STAY, dice(1)).gripper for _ in range(2))

    assert once == again != MIDDLE.gripper
    assert once.distance(MIDDLE.gripper) < SLIP


def test_the_gripper_stays_on_the_table() -> None:
    corner = replace(MIDDLE, gripper=Point(1.0, 0.0))

    assert moved(corner, Action(1.0, -1.0, 0.0), Exact()).gripper == Point(1.0, 0.0)


def test_jaws_that_close_around_the_block_hold_it_in_their_middle_and_it_moves_along() -> None:
    near = replace(MIDDLE, block=Point(0.5 + GRASP * 0.9, 0.5))

    caught = moved(near, CLOSE, Exact())
    carried = moved(caught, Action(1.0, 0.0, 1.0), Exact())

    assert caught.held
    assert caught.block == caught.gripper
    assert carried.block.x == pytest.approx(0.5 + REACH)


def test_jaws_that_close_beside_the_block_catch_nothing_until_they_open_again() -> None:
    beside = replace(MIDDLE, block=Point(0.5 + GRASP * 1.1, 0.5))

    missed = moved(beside, CLOSE, Exact())
    pushed_over = moved(missed, Action(1.0, 0.0, 1.0), Exact())

    assert not missed.held
    assert not pushed_over.held
    assert pushed_over.block == beside.block


def test_the_block_is_let_go_of_when_the_jaws_are_less_than_half_closed() -> None:
    held = Table(gripper=ZONE, grip=1.0, block=ZONE, held=True)

    half = moved(held, STAY, Exact())
    opened = moved(half, STAY, Exact())

    assert (half.held, half.grip) == (True, HALF_CLOSED)
    assert not opened.held
    assert done(opened)
    assert not done(half)


def test_the_task_is_done_within_the_zone_and_not_beside_it() -> None:
    inside, outside = (Point(ZONE.x + ZONE_SIDE / 2 * part, ZONE.y) for part in (0.99, 1.01))

    assert done(replace(MIDDLE, block=inside))
    assert not done(replace(MIDDLE, block=outside))


def test_distances_are_those_of_geometry() -> None:
    assert Point(0.0, 0.0).distance(Point(0.3, 0.4)) == pytest.approx(math.hypot(0.3, 0.4))

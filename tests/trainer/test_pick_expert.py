"""The expert of the robot demo: its demonstrations end with the task done, are as they should be to be learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from trainer.pick.dice import dice
from trainer.pick.expert import LAST_LOOK, advice, demonstration
from trainer.pick.table import STEPS, ZONE, Action, Point, Table, done
from trainer.pick.tries import roll_out

SEEDS = tuple(range(20))


class Expert:
    """The expert at the controls of a try."""

    def reset(self) -> None:
        """It remembers nothing."""

    def actions(self, tables: Sequence[Table]) -> list[Action]:
        """Its advice for each table."""
        return [advice(table) for table in tables]


class Still(Expert):
    """One that does nothing."""

    def actions(  # type: ignore[explicit-override]  # Python 3.11 has no override
        self, tables: Sequence[Table]
    ) -> list[Action]:
        """No motion, jaws open."""
        return [Action(0.0, 0.0, 0.0) for _ in tables]


@pytest.mark.parametrize("seed", range(100))
def test_a_demonstration_ends_soon_after_the_task_is_done(seed: int) -> None:
    tables = [table for table, _ in demonstration(dice(seed))]

    assert len(tables) < STEPS
    assert [done(table) for table in tables[-LAST_LOOK:]] == [False, *[True] * (LAST_LOOK - 1)]


@pytest.mark.parametrize("seed", range(20))
def test_what_the_expert_does_lies_within_what_the_gripper_can_do(seed: int) -> None:
    for _, action in demonstration(dice(seed)):
        assert max(abs(action.x), abs(action.y)) <= 1
        assert action.grip in {0.0, 1.0}


def test_the_same_seed_gives_the_same_demonstration() -> None:
    assert list(demonstration(dice(3))) == list(demonstration(dice(3)))


def test_the_expert_opens_jaws_that_closed_on_nothing() -> None:
    missed = Table(gripper=Point(0.5, 0.5), grip=1.0, block=Point(0.2, 0.5))

    told = advice(missed)

    assert told.grip == 0.0
    assert told.x == -1.0


def test_the_expert_leaves_a_block_alone_that_lies_in_the_zone() -> None:
    over = Table(gripper=ZONE, grip=0.0, block=ZONE)

    assert advice(over) == Action(0.0, 0.0, 0.0)


def test_the_expert_succeeds_from_every_seed_and_who_does_nothing_from_none() -> None:
    assert [each.seed for each in roll_out(Expert(), SEEDS) if each.succeeded] == list(SEEDS)
    assert not any(each.succeeded for each in roll_out(Still(), SEEDS))


def test_a_try_depends_on_its_own_seed_alone() -> None:
    together = roll_out(Expert(), SEEDS)
    (alone,) = roll_out(Expert(), [SEEDS[7]])

    assert alone == together[7]
    assert len(alone.tables) == STEPS + 1

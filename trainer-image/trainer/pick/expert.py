"""What a person at the controls would do: the demonstrations that a policy learns from. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.pick.table import FPS, REACH, STEPS, ZONE, Action, Point, Table, done, laid, moved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

NEAR: Final = 0.02
"""How near the middle of the block, or of the zone, is near enough to close, or to open."""
LAST_LOOK: Final = FPS // 3
"""Steps of an episode after the block was let go of: a policy learns to stay."""


def advice(table: Table) -> Action:
    """The next action: to the block, close, to the zone, open, stay."""
    over = done(table)
    goal = ZONE if table.held or over else table.block
    arrived = table.gripper.distance(goal) <= NEAR
    speed = _towards(goal, table.gripper)
    return Action(speed.x, speed.y, 1.0 if table.held != arrived and not over else 0.0)


def demonstration(random: Random) -> Iterator[tuple[Table, Action]]:
    """One episode: what the table was before each action, and the action."""
    table = laid(random)
    left = LAST_LOOK
    for _ in range(STEPS):
        action = advice(table)
        yield table, action
        table = moved(table, action, random)
        left -= done(table)
        if not left:
            return


def _towards(goal: Point, place: Point) -> Point:
    """Full speed, and slower over the last step's length; straight."""
    distance = goal.distance(place)
    if not distance:
        return Point(0.0, 0.0)
    length = min(distance / REACH, 1.0)
    return Point(length * (goal.x - place.x) / distance, length * (goal.y - place.y) / distance)

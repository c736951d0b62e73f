"""The table, the block and the gripper: what they are and how they move. Pure; randomness is an argument.

Lengths are in widths of the table: x grows to the right and y downwards, both from 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

FPS: Final = 10
STEPS: Final = 60
"""How many steps a try may take; the expert needs about thirty."""
REACH: Final = 0.06
"""How far the gripper moves in one step, along each axis, at full speed."""
GRIP_PER_STEP: Final = 0.5
HALF_CLOSED: Final = 0.5
"""From here on the gripper holds what is between its jaws."""
GRASP: Final = 0.06
"""How far the block's middle may be from the gripper's for it to be caught."""
SLACK: Final = 0.01
"""Standard deviation of what the motors do beside what they were told."""
FAR: Final = 0.4
"""How far from the zone the block lies at first, at least."""
ASIDE: Final = 0.15
"""How far from the gripper it does."""
BLOCK_SIDE: Final = 0.12
ZONE_SIDE: Final = 0.24


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the table."""

    x: float
    y: float

    def distance(self, other: Point) -> float:
        """How far the other place is."""
        return math.hypot(self.x - other.x, self.y - other.y)


ZONE: Final = Point(0.82, 0.18)
"""The middle of the zone that the block is to be brought to."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the gripper is told for one step: speed along each axis from -1 to 1, and where the jaws go: 0 open, 1 closed."""

    x: float
    y: float
    grip: float


@dataclass(frozen=True, slots=True)
class Table:
    """Where everything is; `held` says that the block moves with the gripper."""

    gripper: Point
    grip: float
    block: Point
    held: bool = False


def laid(random: Random) -> Table:
    """A table at the beginning of a try: the gripper about its place of rest, the block anywhere but near the zone."""
    gripper = Point(random.uniform(0.4, 0.6), random.uniform(0.4, 0.6))
    block = ZONE
    while block.distance(ZONE) < FAR or block.distance(gripper) < ASIDE:
        block = Point(random.uniform(0.1, 0.9), random.uniform(0.1, 0.9))
    return Table(gripper=gripper, grip=0.0, block=block)


def moved(table: Table, action: Action, random: Random) -> Table:
    """The table one step later."""
    gripper = Point(
        _axis(table.gripper.x, action.x, random.gauss(0, SLACK)),
        _axis(table.gripper.y, action.y, random.gauss(0, SLACK)),
    )
    change = _within(_within(action.grip, 0, 1) - table.grip, -GRIP_PER_STEP, GRIP_PER_STEP)
    grip = table.grip + change
    if table.held:
        block = Point(table.block.x + gripper.x - table.gripper.x, table.block.y + gripper.y - table.gripper.y)
        return Table(gripper=gripper, grip=grip, block=block, held=grip >= HALF_CLOSED)
    if table.grip < HALF_CLOSED <= grip and table.block.distance(gripper) <= GRASP:
        # The jaws close from both sides: they push it to the middle between them.
        return Table(gripper=gripper, grip=grip, block=Point(gripper.x, table.block.y), held=True)
    return Table(gripper=gripper, grip=grip, block=table.block)


def done(table: Table) -> bool:
    """Whether the task is done: the block's middle lies in the zone, and the gripper has let go of it."""
    inside = max(abs(table.block.x - ZONE.x), abs(table.block.y - ZONE.y)) <= ZONE_SIDE / 2
    return inside and not table.held


def _axis(place: float, speed: float, slip: float) -> float:
    return min(max(place + REACH * _within(speed, -1, 1) + slip, 0.0), 1.0)


def _within(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)

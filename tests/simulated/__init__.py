"""A world without processes: kwok's nodes, on which our pods end as the real trainer's would, each by its fate."""

from tests.simulated.fates import Fate, Plan, draw
from tests.simulated.stages import Paces
from tests.simulated.world import World, WorldSettings, simulate

__all__ = ["Fate", "Paces", "Plan", "World", "WorldSettings", "draw", "simulate"]

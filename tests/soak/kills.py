"""Kills at random moments: mostly of the operator that leads, now and then of the one that stands by."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.support.eventually import eventually
from tests.support.kept_operator import KeptOperator

LONGEST_TAKEOVER: Final = 120.0
MEAN_SECONDS: Final = 0.5
"""Between the moment when somebody leads and the kill."""
OF_THE_STANDBY: Final = 0.1


@dataclass
class Killer:
    """Kills operators that are kept running."""

    operators: tuple[KeptOperator, ...]
    chance: random.Random
    kills: int = 0

    async def run(self, is_enough: Callable[[int], bool], done: asyncio.Event) -> None:
        """Until ``is_enough`` says so of the kills so far."""
        while not is_enough(self.kills):
            await eventually(self._somebody_leads, LONGEST_TAKEOVER)
            await asyncio.sleep(self.chance.expovariate(1 / MEAN_SECONDS))
            victim = self._victim()
            if victim.kill():
                self.kills += 1
        done.set()

    def _somebody_leads(self) -> bool:
        return any(operator.lead for operator in self.operators)

    def _victim(self) -> KeptOperator:
        leaders = [operator for operator in self.operators if operator.lead]
        if leaders and self.chance.random() > OF_THE_STANDBY:
            return leaders[0]
        return self.chance.choice(self.operators)

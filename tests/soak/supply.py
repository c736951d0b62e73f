"""The jobs of a soak: applied one after another, each with fates of its own, so that some are always in each phase."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.resources import FINETUNEJOBS
from tests.simulated import Fate, Plan, draw
from tests.simulated.fates import PLATFORM
from tests.soak.judge import Judge, expected_of
from tests.support.eventually import eventually
from tests.support.objects import fine_tune_job

NAMESPACE: Final = "soak"
HARDWARE: Final = "cpu-small"
DISTURBED: Final = 0.5
"""The share of first and of second attempts at training that the platform ends."""
REFUSED: Final = 0.1
"""The share of jobs whose data are at fault."""
LONGEST_LIFE: Final = 900.0


@dataclass
class Supply:
    """Jobs that are applied while ``more`` asks for them; ``plans`` are those of all that were, by name."""

    world: Cluster
    chance: random.Random
    judge: Judge
    plans: dict[str, Plan] = field(default_factory=dict)

    async def run(self, at_once: int, enough: asyncio.Event) -> None:
        """Keep ``at_once`` jobs alive until it is enough; then wait for their ends."""
        while not enough.is_set():
            await eventually(lambda: self.alive < at_once or enough.is_set(), LONGEST_LIFE)
            await self._apply()
        await eventually(lambda: self.alive == 0, LONGEST_LIFE)

    @property
    def alive(self) -> int:
        """How many have been applied and have not ended."""
        return len(self.plans.keys() - self.judge.ended.keys())

    async def judge_ends(self) -> None:
        """Compare each job with its fates."""
        for body in await self.world.list(FINETUNEJOBS, NAMESPACE):
            plan = self.plans[body["metadata"]["name"]]
            self.judge.at_the_end(body, _expected(plan))

    async def _apply(self) -> None:
        name = f"job-{len(self.plans):05d}"
        plan = self._plan()
        self.plans[name] = plan
        body = fine_tune_job(name, instanceType=HARDWARE, hours=1, podTemplate={"labels": plan.labels()})
        await self.world.create(FINETUNEJOBS, NAMESPACE, body)

    def _plan(self) -> Plan:
        seconds = self.chance.uniform(0.2, 4)
        if self.chance.random() < REFUSED:
            return Plan({("prepare", 1): Fate.USER_ERROR}, seconds)
        return Plan(draw(self.chance, DISTURBED).fates, seconds)


def _expected(plan: Plan) -> Json:
    def outcome(stage: str, number: int) -> str:
        fate = plan.fates.get((stage, number), Fate.COMPLETED)
        return "Platform" if fate in PLATFORM else "UserError" if fate == Fate.USER_ERROR else "Succeeded"

    return expected_of(outcome)

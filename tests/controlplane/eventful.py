"""A life in which much happens: a failure, a suspension, a merge, and children that go when their time is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.cluster.resources import CLAIMS, JOBS, PODS
from finetune_operator.reconciler.source import OURS
from tests.controlplane.eventful_nodes import played
from tests.controlplane.life import PATIENCE, Life, summary_of
from tests.soak.judge import Judge
from tests.soak.witness import Take, Witness, witnessed
from tests.support.apiserver import ApiServer
from tests.support.eventually import eventually
from tests.support.faulty_proxy import Written

SECONDS_AFTER_THE_END: Final = 1
"""So long are children kept."""
WRITES: Final = Counter(
    {"finetunejobs/status": 20, "jobs POST": 5, "jobs DELETE": 5, "persistentvolumeclaims": 1, "events": 21}
)
"""What it costs when nothing disturbs it. A deletion that the watch has not told of yet may be asked for twice."""
PODS_MADE: Final = 5
"""So many statuses and Events may be missing: that a pod is being made is not told if it is found unplaced before."""
SUMMARY: Final[Json] = {
    "phase": "Succeeded",
    "reason": "Completed",
    "retries": 1,
    "attempts": [
        ("prepare", 1, "Succeeded"),
        ("train", 1, "Error"),
        ("train", 2, "Requested"),
        ("train", 3, "Succeeded"),
        ("publish", 1, "Succeeded"),
    ],
    "holds": ["Complete", "Ready", "Validated"],
    "trainingSeconds": 12.5,
    "rows": 48,
}
"""What the status says at its end and ever after, without times and names."""
APPLIED_AND_EDITED: Final = 3
"""Its generation: applied, suspended, let go."""


@dataclass(frozen=True)
class EventfulLife(Life):
    """One FineTuneJob that is suspended and resumed by its owner while ``played`` plays."""

    @override
    async def begin(self, **spec: object) -> Json:
        """Apply the job."""
        own: Json = {"output": {"merge": "merged"}, "childrenTTLSecondsAfterFinished": SECONDS_AFTER_THE_END}
        return await super().begin(**own, **spec)

    async def is_over(self, within: float = PATIENCE) -> None:
        """Wait for its end, and until its children are gone; what the status says stays."""
        await self.ends(within)
        ended = (await self.body())["status"]
        await eventually(self.left_no_child, within)
        assert (await self.body())["status"] == ended

    @override
    async def is_as_undisturbed(self) -> None:
        """No child left, nobody's word but the owner's in the spec, and the status of an undisturbed life."""
        body = await self.body()
        assert summary_of(body) == SUMMARY, self.namespace
        assert body["metadata"]["generation"] == APPLIED_AND_EDITED
        assert body["status"]["result"]["kind"] == "model"
        assert len(await self.world.list(CLAIMS, self.namespace)) == 1
        assert await self.left_no_child()

    @override
    def took_few_writes(self, written: Iterable[Written], *, more: int = 2) -> None:
        """Every child once, never the spec, and of the rest at most ``more`` of a kind than an undisturbed life."""
        took = self.writes_in(written)
        assert took["finetunejobs"] == 0, "somebody wrote into the spec"
        assert took["jobs POST"] == WRITES["jobs POST"]
        assert took["persistentvolumeclaims"] == WRITES["persistentvolumeclaims"]
        assert took["jobs DELETE"] <= 2 * WRITES["jobs DELETE"], took
        for kind in ("finetunejobs/status", "events"):
            assert took[kind] <= WRITES[kind] + more, took

    def writes_in(self, written: Iterable[Written]) -> Counter[str]:
        """How many writes of each kind were for it."""
        return Counter(kind_of(each) for each in written if each.namespace == self.namespace)

    async def has_ended(self) -> bool:
        """Whether it is over and its children are gone."""
        over = (await self.status()).phase in TERMINAL_PHASES
        return over and await self.left_no_child()

    async def left_no_child(self) -> bool:
        """Whether Jobs and pods are gone; an AssertionError that names one that is not."""
        for resource in (JOBS, PODS):
            left = await self.world.list(resource, self.namespace, labels=OURS)
            assert left == [], [f"{each['metadata']['name']} is left" for each in left]
        return True


def kind_of(written: Written) -> str:
    """As ``WRITES`` calls it."""
    return f"{written.plural} {written.method}" if written.plural == "jobs" else written.plural


def must_come(kind: str, number: int) -> bool:
    """Whether every eventful life has so many writes of a kind."""
    spare = PODS_MADE if kind in {"finetunejobs/status", "events"} else 0
    return number <= WRITES.get(kind, number) - spare


@asynccontextmanager
async def judged(server: ApiServer, life: Life) -> AsyncIterator[Judge]:
    """Nodes and owner are played, and a judge looks whether an attempt has two Jobs or two pods can write at once."""
    judge = Judge()
    jobs, pods = (_of(life.namespace, take) for take in (judge.job, judge.pod))
    async with witnessed(server, Witness(JOBS, jobs, OURS), Witness(PODS, pods, OURS)), played(life):
        yield judge


def _of(namespace: str, take: Take) -> Take:
    """What tests before this one left goes at its own pace: only what is in the namespace is looked at."""

    def taken(event: str, body: Json) -> None:
        if body["metadata"]["namespace"] == namespace:
            take(event, body)

    return taken

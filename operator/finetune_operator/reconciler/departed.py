"""Pods that are gone, each as it was last seen.

The Job controller lets a pod go before it settles the Job, a Job that is deleted may go with its pods in one moment, and
with the pod goes its verdict. What is kept here says how an attempt ended and nothing else: that a pod exists is told by
the store alone.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from finetune_operator.api.model import Json

MOST_PODS: Final = 1000
"""Of a few kilobytes each; whoever is not settled by then has lost its verdict."""


class Departed:
    """The last states of pods, by owner; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._bodies: OrderedDict[str, tuple[str, Json]] = OrderedDict()
        self._owned: dict[str, set[str]] = {}

    def keep(self, owner: str, body: Json) -> None:
        """Keep the last state of a pod that belongs to the FineTuneJob or Dataset with the uid ``owner``."""
        uid = body["metadata"]["uid"]
        self._bodies[uid] = owner, body
        self._bodies.move_to_end(uid)
        self._owned.setdefault(owner, set()).add(uid)
        if len(self._bodies) > MOST_PODS:
            self._forget(next(iter(self._bodies)))

    def of(self, owner: str) -> tuple[Json, ...]:
        """The pods of an owner that are gone, in no order."""
        return tuple(self._bodies[uid][1] for uid in self._owned.get(owner, ()))

    def forget(self, owner: str) -> None:
        """The owner is gone too: nobody asks any more how its pods ended."""
        for uid in tuple(self._owned.get(owner, ())):
            self._forget(uid)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._bodies)

    def _forget(self, uid: str) -> None:
        owner, _ = self._bodies.pop(uid)
        siblings = self._owned[owner]
        siblings.discard(uid)
        if not siblings:
            del self._owned[owner]

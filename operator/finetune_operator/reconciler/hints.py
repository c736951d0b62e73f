"""What Events say of a child that does not come up. Listing them is dear, so it takes a small share of the time.

The API server keeps no index of Events and no copy in memory: each listing reads all of a namespace from etcd. Where
thousands wait, they would stop the cluster by asking why. What Events say is a courtesy: an object is looked after as
well where they cannot be listed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from finetune_operator.api.model import Json
from finetune_operator.cluster.client import Cluster
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.cluster.resources import EVENTS
from finetune_operator.planning.observed import Hint, ObservedJob

MOST_HINTS: Final = 8
MOST_SUBJECTS: Final = 2000
REST: Final = 9.0
"""Between two listings, so many times as long as the last one took: a tenth of the time at most."""
AGAIN_SECONDS: Final = 5.0
"""What is known of a child is good for so long."""

log = logging.getLogger(__name__)


class Hints:
    """Reads Events for one child at a time. While it rests, the last words on a child stand, if there are any."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._reading = False
        self._failing = False
        self._rested_at = 0.0
        self._known: OrderedDict[str, tuple[float, tuple[Hint, ...]]] = OrderedDict()

    async def about(self, namespace: str, job: ObservedJob) -> tuple[Hint, ...]:
        """Events about what of a Job does not come up, newest first; none when all is well or none can be listed."""
        subject = puzzling(job)
        if subject is None:
            return ()
        read_at, known = self._known.get(subject, (None, ()))
        now = self._clock()
        fresh = read_at is not None and now - read_at < AGAIN_SECONDS
        if fresh or self._reading or now < self._rested_at:
            return known
        found = await self._read(namespace, subject)
        return self._remember(subject, known if found is None else found)

    async def _read(self, namespace: str, subject: str) -> tuple[Hint, ...] | None:
        """The Events about a child, and a rest; None when they cannot be listed."""
        begin = self._clock()
        self._reading = True
        try:
            found = await self._listed(namespace, subject)
        except ClusterError as error:
            self._say_failing(error)
            return None
        finally:
            self._reading = False
            end = self._clock()
            self._rested_at = end + REST * (end - begin)
        self._failing = False
        return found

    async def _listed(self, namespace: str, subject: str) -> tuple[Hint, ...]:
        events = await self._cluster.list(EVENTS, namespace, fields=f"involvedObject.uid={subject}")
        newest = sorted(events, key=_event_time, reverse=True)[:MOST_HINTS]
        return tuple(Hint(event.get("reason", ""), event.get("message", "")) for event in newest)

    def _remember(self, subject: str, found: tuple[Hint, ...]) -> tuple[Hint, ...]:
        self._known[subject] = (self._clock(), found)
        self._known.move_to_end(subject)
        if len(self._known) > MOST_SUBJECTS:
            self._known.popitem(last=False)
        return found

    def _say_failing(self, error: ClusterError) -> None:
        # Each job that waits asks again and again: the first failure is news, the others are not.
        if not self._failing:
            log.warning("why pods do not come up is told without what Events say of them: %s", error)
        self._failing = True


def puzzling(job: ObservedJob) -> str | None:
    """The uid of the child whose Events may tell why nothing runs: the Job that lacks a pod, or the pod on its node."""
    if job.over or job.finished:
        return None
    pod = job.slowest
    if pod is None:
        return job.uid
    return pod.uid if pod.node and not pod.running_since else None


def _event_time(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")

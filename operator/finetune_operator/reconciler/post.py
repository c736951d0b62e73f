"""The post of running trainers: where their reports go, what is kept of them, and what they are answered."""

from __future__ import annotations

import math
import random
import time
from typing import Final

from pydantic import ValidationError

from finetune_operator.api.conditions import TERMINAL_PHASES
from finetune_operator.api.model import Json
from finetune_operator.cluster.bucket import TokenBucket
from finetune_operator.cluster.resources import Key
from finetune_operator.planning.control import control_of
from finetune_operator.planning.job import parse_job
from finetune_operator.reconciler import progress
from finetune_operator.reconciler.metrics import Reports
from finetune_operator.reconciler.queue import Backoff, WorkQueue
from finetune_operator.reconciler.store import Store
from finetune_operator.reconciler.task import Task
from finetune_operator.reconciler.wiring import Parts

SHARE_OF_STATUSES: Final = 0.5
SHARE_OF_RECORDS: Final = 0.2
"""Of all writes, that mere progress may make: the rest is for what happens to jobs."""
PATIENCE: Final = Backoff(first=2, longest=300)
REPORTS_PER_SECOND: Final = 50.0
"""That all trainers together are asked to keep to: about as many as statuses are written."""
USUAL_REPORT_SECONDS: Final = 5
"""Between two reports of a trainer that is asked for nothing."""
LONGEST_REPORT_SECONDS: Final = 300


class Post:
    """The inbox of reports and the recorder of curves and logs, who fills them, and who empties them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._reporting: dict[Key, str] = {}
        settings = parts.settings.progress
        self.recorder = progress.Recorder(
            parts.cluster,
            parts.store,
            WorkQueue(time.monotonic, random.random, PATIENCE),
            progress.Tempo(
                settings.record_interval_seconds, self._bucket(settings.record_writes_per_second, SHARE_OF_RECORDS)
            ),
        )
        self.inbox = progress.Inbox(
            settings.status_interval_seconds,
            self._on_news,
            time.monotonic,
            parts.now,
            self._bucket(settings.status_writes_per_second, SHARE_OF_STATUSES),
            self.recorder.note,
        )
        reviewer = progress.TokenReviewer(parts.cluster, time.monotonic)
        clocks = progress.Clocks(parts.now, time.monotonic)
        self.reception = progress.Reception(parts.store, reviewer, self.inbox, self._reply, clocks)

    @property
    def reports(self) -> Reports:
        """What the metrics show of all this."""
        return Reports(
            last_heard=self.inbox.last_heard,
            now=self._parts.now,
            outcomes=self.reception.outcomes,
            waiting=lambda: self.recorder.waiting,
            dropped_lines=lambda: self.recorder.dropped_lines,
        )

    def awaited(self, key: Key) -> float | None:
        """Seconds until the job must be looked at for news of its progress that was announced already."""
        uid = self._reporting.get(key)
        return self.inbox.awaited(uid) if uid is not None else None

    def tidy(self, key: Key) -> None:
        """Forget the reports of a job that has ended or is gone, or whose namesake has taken its place."""
        uid = self._reporting.get(key)
        if uid is not None and not _goes_on(self._parts.store.job(key), uid):
            self.inbox.forget(uid)
            self.recorder.conclude(key)
            del self._reporting[key]

    def _on_news(self, key: Key, after: float) -> None:
        job = self._parts.store.job(key)
        if job is not None:
            self._reporting[key] = job["metadata"]["uid"]
        self._parts.queue.add(Task(*key), after=after)

    def _reply(self, key: Key) -> Json:
        return reply_of(self._parts.store, key, len(self.inbox))

    def _bucket(self, rate: float, share: float) -> TokenBucket:
        rate = min(rate, share * self._parts.settings.qps)
        return TokenBucket(rate, max(1, int(rate)), time.monotonic)


def rhythm(reporters: int, stall_seconds: int | None) -> Json:
    """What to tell a trainer of how often to report, when so many do: nothing where its own rhythm will do.

    Twice at least in the time after which its job takes silence for a stall.
    """
    longest = min(LONGEST_REPORT_SECONDS, (stall_seconds or 2 * LONGEST_REPORT_SECONDS) // 2)
    seconds = min(longest, math.ceil(reporters / REPORTS_PER_SECOND))
    return {"reportSeconds": seconds} if seconds > USUAL_REPORT_SECONDS else {}


def reply_of(store: Store, key: Key, reporters: int = 0) -> Json:
    """What a trainer should know besides its run document: a budget that was raised since, a stop, how often to report.

    ``reporters``: jobs that report at present.
    """
    body = store.job(key)
    if body is None:
        return {}
    try:
        job = parse_job(body)
    except ValidationError:
        return {}  # whoever looks after the job tells why it cannot be read
    return control_of(job) | rhythm(reporters, job.spec.stall_timeout_seconds)


def _goes_on(job: Json | None, uid: str) -> bool:
    if job is None or job["metadata"]["uid"] != uid:
        return False
    return (job.get("status") or {}).get("phase") not in TERMINAL_PHASES
